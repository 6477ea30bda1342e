import type { Packet } from '../explain/packet.ts';
import type { FactChange, FactTypes } from '../model/facts.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import { prefixContains } from '../net/prefix.ts';
import { setContains } from '../net/ranges.ts';
import { scopeOf } from '../plan/nat-plan.ts';
import type { Planner } from '../plan/planner.ts';

/** More than these are not tried: objects may name thousands. */
const MOST = 64;

/**
 * Addresses that the planner's node may bear although nothing says so: those that its Pods, EgressRules and
 * natOutgoingAddress name, without those that belong to somebody else. In a fixed order.
 *
 * @param changes objects of a change, which may name further ones
 */
export function furtherAddresses(planner: Planner, changes: readonly FactChange[] = []): IpAddress[] {
  const named = new Set<IpAddress>();
  const add = (addresses: Iterable<IpAddress>) => {
    for (const address of addresses) named.add(address);
  };
  for (const pod of planner.pods.values()) add(namedByPod(pod, planner.node.nodeName));
  for (const { addresses } of planner.facts.of('EgressRule').values()) add(addresses);
  for (const { natOutgoingAddress } of planner.facts.of('FelixConfiguration').values())
    add(natOutgoingAddress);
  for (const { kind, fact } of changes) {
    if (fact === null) continue;
    if (kind === 'Pod') add(namedByPod(fact, planner.node.nodeName));
    else if (kind === 'EgressRule') add(fact.addresses);
    else if (kind === 'FelixConfiguration') add(fact.natOutgoingAddress);
  }
  const taken = takenAddresses(planner);
  return [...named]
    .filter((address) => !taken(address))
    .sort()
    .slice(0, MOST);
}

/** The destination, if a NodePort would answer there in case the node bears it. */
export function askedAddress(planner: Planner, { destination, port, protocol }: Packet): IpAddress[] {
  const { nodePortAddresses } = planner.node;
  if (nodePortAddresses?.some((prefix) => prefixContains(prefix, destination)) !== true) return [];
  if (takenAddresses(planner)(destination)) return [];
  for (const { ports } of planner.services.values()) {
    if (ports.some((each) => each.nodePort === port && each.protocol === protocol)) return [destination];
  }
  return [];
}

function namedByPod({ nodeName, nat }: FactTypes['Pod'], node: string): IpAddress[] {
  if (nodeName !== node) return [];
  return (nat?.entries ?? []).flatMap(({ sourceIP }) => (sourceIP === null ? [] : [sourceIP]));
}

/** Addresses of Nodes, this one included, of pods and of Services. */
function takenAddresses({ node, nodes, plan }: Planner): (address: IpAddress) => boolean {
  const borne = new Set(node.localAddresses.map(({ address }) => address));
  for (const { addresses } of nodes.values()) for (const { address } of addresses) borne.add(address);
  return (address) => {
    const { pods, serviceCIDRs } = scopeOf(plan, familyOf(address));
    return borne.has(address) || setContains(pods, address) || setContains(serviceCIDRs, address);
  };
}
