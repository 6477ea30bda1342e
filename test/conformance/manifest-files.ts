import type { ClusterState } from '../generators/cluster/cluster-state.ts';
import { asYaml } from './through-folder.ts';

/** A state written as the files of a folder and a node configuration. */
export interface Written {
  /** Contents by name. */
  readonly files: ReadonlyMap<string, string>;
  readonly nodeConfig: { readonly nodeName: string };
}

/** @param others objects beside the Services, their slices and the Node */
export function write(
  { services, slices, node, writing }: ClusterState,
  others: readonly object[] = [],
): Written {
  const { nodeName, nodeIP, localNodeIPs, podCIDRs, topologyLabels, ...config } = node;
  const given = { nodeIP, localNodeIPs, podCIDRs, topologyLabels };
  const primary = [nodeIP].flat();
  const object = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: nodeName, labels: { ...topologyLabels, 'kubernetes.io/hostname': nodeName } },
    spec: podCIDRs.length === 0 ? {} : { podCIDR: podCIDRs[0], podCIDRs },
    status: { addresses: primary.map((address) => ({ type: 'InternalIP', address })) },
  };
  const manifests = [
    ...(writing.nodeObject ? [object] : []),
    ...others,
    ...(writing.slicesFirst ? [...slices, ...services] : [...services, ...slices]),
  ];
  return {
    files: laidOut(manifests, writing.layout),
    nodeConfig: { nodeName, ...config, ...(writing.nodeObject ? { localNodeIPs } : given) },
  };
}

function laidOut(
  manifests: readonly object[],
  layout: ClusterState['writing']['layout'],
): Map<string, string> {
  switch (layout) {
    case 'documents':
      return new Map([['all.yaml', asYaml(manifests)]]);
    case 'List':
      return new Map([['list.yml', asYaml([{ apiVersion: 'v1', kind: 'List', items: manifests }])]]);
    case 'JSON':
      return new Map([['list.json', JSON.stringify({ kind: 'List', apiVersion: 'v1', items: manifests })]]);
    case 'files':
      return new Map(manifests.map((manifest, index) => [`${index}.yaml`, asYaml([manifest])]));
    default:
      return layout satisfies never;
  }
}
