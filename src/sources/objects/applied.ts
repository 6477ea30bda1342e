import { isRecord, recordAt } from '../../base/json.ts';
import type { FactChange, FactKind, FactTypes } from '../../model/facts.ts';
import type { NodeFact } from '../../model/node.ts';
import type { PodFact } from '../../model/pod.ts';
import type { ServiceFact } from '../../model/service.ts';

/**
 * The fact of a manifest once it is applied to a cluster that has the object already: fields that the API server or a
 * controller fills in stay as they are, unless the manifest names them.
 * @param manifest the object as it is written; null: not known, so whatever is empty is filled in
 */
export function appliedTo<Kind extends FactKind>(
  kind: Kind,
  fact: FactTypes[Kind],
  former: FactTypes[Kind] | undefined,
  manifest: unknown,
): FactTypes[Kind] {
  if (former === undefined) return fact;
  const change = { kind, fact, former } as unknown as Applied;
  switch (change.kind) {
    case 'Service':
      return appliedService(change.fact, change.former, manifest) as FactTypes[Kind];
    case 'Pod':
      return appliedPod(change.fact, change.former, manifest) as FactTypes[Kind];
    case 'Node':
      return appliedNode(change.fact, change.former, manifest) as FactTypes[Kind];
    default:
      return fact;
  }
}

type Applied = {
  [Kind in FactChange['kind']]: {
    readonly kind: Kind;
    readonly fact: FactTypes[Kind];
    readonly former: FactTypes[Kind];
  };
}[FactChange['kind']];

function identity<Fact extends { readonly uid: string; readonly createdAt: number }>(
  fact: Fact,
  former: Fact,
) {
  return fact.uid === '' ? { uid: former.uid, createdAt: fact.createdAt || former.createdAt } : {};
}

function appliedService(fact: ServiceFact, former: ServiceFact, manifest: unknown): ServiceFact {
  const hasAddresses = fact.notOurs === null && fact.clusterIPs.length === 0;
  const type = recordAt(manifest, 'spec').type;
  const hasNodePorts = manifest === null || type === 'NodePort' || type === 'LoadBalancer';
  const isBalanced = manifest === null || type === 'LoadBalancer';
  const formerPort = ({ protocol, port }: ServiceFact['ports'][number]) =>
    former.ports.find((each) => each.protocol === protocol && each.port === port)?.nodePort ?? null;
  return {
    ...fact,
    ...identity(fact, former),
    ...(hasAddresses && former.notOurs === null ? { clusterIPs: former.clusterIPs } : {}),
    ...(isBalanced && !hasStatus(manifest) ? { loadBalancerIPs: former.loadBalancerIPs } : {}),
    ...(isBalanced && fact.externalTrafficPolicy === 'Local' && fact.healthCheckNodePort === null
      ? { healthCheckNodePort: former.healthCheckNodePort }
      : {}),
    ports: hasNodePorts
      ? fact.ports.map((port) => (port.nodePort === null ? { ...port, nodePort: formerPort(port) } : port))
      : fact.ports,
  };
}

function appliedPod(fact: PodFact, former: PodFact, manifest: unknown): PodFact {
  const { ips, ready, finished, terminating } = former;
  return {
    ...fact,
    ...identity(fact, former),
    ...(hasStatus(manifest) ? {} : { ips, ready, finished, terminating }),
    nodeName: fact.nodeName === '' ? former.nodeName : fact.nodeName,
  };
}

function appliedNode(fact: NodeFact, former: NodeFact, manifest: unknown): NodeFact {
  return {
    ...fact,
    uid: fact.uid === '' ? former.uid : fact.uid,
    addresses: hasStatus(manifest) ? fact.addresses : former.addresses,
    podCIDRs: fact.podCIDRs.length === 0 ? former.podCIDRs : fact.podCIDRs,
  };
}

function hasStatus(manifest: unknown): boolean {
  return isRecord(manifest) && isRecord(manifest.status);
}
