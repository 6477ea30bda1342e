import type { ObjectKind } from '../../model/facts.ts';
import { FELIX_DEFAULT } from '../objects/felix-configuration.ts';

/** A resource of the API that is watched. */
export interface Resource {
  readonly kind: ObjectKind;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /**
   * Set if NAT works without the resource: if it may not be read at the start, that is a warning, and the source is in
   * sync without it. The text describes the effect.
   */
  readonly spared?: string;
  /** May be missing in a cluster: it counts as in sync and empty until it appears. */
  readonly optional: boolean;
}

export interface WantedKinds {
  readonly service: boolean;
  readonly pod: boolean;
  readonly egress: boolean;
  readonly namespaceLabels?: boolean;
}

/** Excludes slices of Services that knat does not handle. docs/spec/service-nat.md, "Frontends". */
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

/** Groups that may serve IPPools; all of them count, `factKindOf` ranks them. */
const POOL_SERVERS = [
  { group: 'projectcalico.org', version: 'v3' },
  { group: 'crd.projectcalico.org', version: 'v1' },
  { group: 'knat.dev', version: 'v1' },
] as const;

/**
 * The resources that a node needs for these kinds of NAT, and no others, since pods cause much traffic.
 * - Nodes: all for Pod and Egress NAT, whose scope exempts node addresses; otherwise this one alone.
 * - Pods: those of the node; all if no node is named. Service NAT recognises pods by Pods and pools
 *   (docs/adr/0007-what-is-a-pod.md).
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
      // Includes Services of other proxies, whose addresses are not dropped.
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
  // Both use service CIDRs. Served since Kubernetes 1.33; if it is missing or may not be read, only configured ranges
  // count.
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
  // Pod NAT reads the annotation, Egress NAT the labels, all kinds the addresses.
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

export function groupPath({ group, version }: Resource): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** `services`, `ippools.projectcalico.org`: as in kubectl and RBAC messages. */
export function resourceName({ group, plural }: Resource): string {
  return group === '' ? plural : `${plural}.${group}`;
}
