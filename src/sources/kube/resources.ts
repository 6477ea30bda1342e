import type { ObjectKind } from '../../model/facts.ts';
import { FELIX_DEFAULT } from '../objects/felix-configuration.ts';

/** A list of the API that is watched. */
export interface Resource {
  readonly kind: ObjectKind;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** `services`. */
  readonly plural: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /**
   * NAT can be done without it: when it may not be read at the start, that is a warning, and the source is in sync
   * without it. The text says what is different then.
   */
  readonly spared?: string;
  /** May be missing in a cluster: then it counts as in sync and empty, until it appears. */
  readonly optional: boolean;
}

/** Which kinds of NAT are wanted, as far as it decides what is watched. */
export interface WantedKinds {
  readonly service: boolean;
  readonly pod: boolean;
  readonly egress: boolean;
  /** Labels of Namespaces decide about Pod NAT. */
  readonly namespaceLabels?: boolean;
}

/** Slices that are not ours stay at the server. docs/spec/service-nat.md, "Frontends". */
const OURS = '!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name';

const POD_NAT_ALONE =
  'Pod NAT works without it: packets of pods to these destinations leave with the public address';
const SERVICE_CIDRS_ALONE = 'only the configured service CIDRs apply';
const SERVICE_NAT_ALONE = 'Service NAT works without it: only pod CIDRs of the Node count as pods';

/** Where Calico's FelixConfiguration may be served. */
const FELIX_SERVERS = [
  { group: 'projectcalico.org', version: 'v3' },
  { group: 'crd.projectcalico.org', version: 'v1' },
] as const;

/** Where IPPools may be served; all that are there count, `factKindOf` settles between them. */
const POOL_SERVERS = [
  { group: 'projectcalico.org', version: 'v3' },
  { group: 'crd.projectcalico.org', version: 'v1' },
  { group: 'knat.dev', version: 'v1' },
] as const;

/**
 * What has to be watched on a node for these kinds of NAT, and nothing else: a cluster's traffic of pods is large.
 *
 * Nodes: all of them for Pod and Egress NAT, whose scope leaves node addresses alone; else this one alone.
 * Pods: those of the node; where none is named, for a look at the whole cluster, all of them. Service NAT learns from
 * Pods and pools what is a pod (docs/adr/0007-what-is-a-pod.md).
 */
export function wantedResources(nodeName: string | null, wanted: WantedKinds): Resource[] {
  const scope = wanted.pod || wanted.egress || nodeName === null;
  const spared = wanted.pod && !wanted.service && !wanted.egress ? { spared: POD_NAT_ALONE } : {};
  const sparedPods = scope ? {} : { spared: SERVICE_NAT_ALONE };
  const resources: Resource[] = [
    {
      ...core('Node', 'nodes'),
      ...spared,
      ...(scope ? {} : { fieldSelector: `metadata.name=${nodeName}` }),
    },
  ];
  if (wanted.service) {
    resources.push(
      // Those of other proxies too: their addresses are left to them.
      core('Service', 'services'),
      {
        kind: 'EndpointSlice',
        group: 'discovery.k8s.io',
        version: 'v1',
        plural: 'endpointslices',
        labelSelector: OURS,
        optional: false,
      },
    );
  }
  // Both take service CIDRs for destinations of their own. Served since Kubernetes 1.33; without it, or without the right
  // to read it, what is configured counts alone.
  if (wanted.service || wanted.pod) {
    resources.push({
      kind: 'ServiceCIDR',
      group: 'networking.k8s.io',
      version: 'v1',
      plural: 'servicecidrs',
      optional: true,
      spared: SERVICE_CIDRS_ALONE,
    });
  }
  // Pod NAT reads the annotation, Egress NAT the labels, all of them the addresses.
  const ofNode = nodeName === null ? {} : { fieldSelector: `spec.nodeName=${nodeName}` };
  resources.push({ ...core('Pod', 'pods'), ...ofNode, ...sparedPods });
  for (const server of POOL_SERVERS) {
    resources.push({
      kind: 'IPPool',
      ...server,
      plural: 'ippools',
      optional: true,
      ...spared,
      ...sparedPods,
    });
  }
  if (wanted.egress || (wanted.pod && wanted.namespaceLabels))
    resources.push(core('Namespace', 'namespaces'));
  if (wanted.egress) {
    resources.push({
      kind: 'EgressRule',
      group: 'knat.dev',
      version: 'v1',
      plural: 'egressrules',
      optional: true,
    });
    for (const server of FELIX_SERVERS) {
      resources.push({
        kind: 'FelixConfiguration',
        ...server,
        plural: 'felixconfigurations',
        fieldSelector: `metadata.name=${FELIX_DEFAULT}`,
        optional: true,
      });
    }
  }
  return resources;
}

function core(kind: ObjectKind, plural: string): Resource {
  return { kind, group: '', version: 'v1', plural, optional: false };
}

/** `/api/v1`, `/apis/discovery.k8s.io/v1`. */
export function groupPath({ group, version }: Resource): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** `services`, `ippools.projectcalico.org`: as kubectl and RBAC messages name it. */
export function resourceName({ group, plural }: Resource): string {
  return group === '' ? plural : `${plural}.${group}`;
}
