import { matchesInterface, type NodeFacts } from '../model/node.ts';
import type { IpAddress } from '../net/address.ts';
import { setContains } from '../net/ranges.ts';
import { isLoopback } from '../net/special-address.ts';
import type { FamilyScope } from '../plan/entry.ts';
import type { Packet } from './packet.ts';

/** The parts of a node that a walk needs in addition to the plan. */
export type WalkedNode = Pick<NodeFacts, 'nodeName' | 'localAddresses' | 'listeners' | 'isPartlyKnown'>;

/** Node facts never change, so the set is built once: a node may have a thousand addresses. */
const ownAddresses = new WeakMap<WalkedNode['localAddresses'], ReadonlySet<IpAddress>>();

/** True for an address of this node: one of its interfaces, or loopback. */
export function isOwnAddress({ localAddresses }: WalkedNode, address: IpAddress): boolean {
  if (isLoopback(address)) return true;
  let own = ownAddresses.get(localAddresses);
  if (own === undefined) {
    own = new Set(localAddresses.map((local) => local.address));
    ownAddresses.set(localAddresses, own);
  }
  return own.has(address);
}

/** If pods are recognised by interface, a packet with an unknown incoming interface is not from a pod. */
export function isFromPod(
  scope: Pick<FamilyScope, 'pods' | 'podInterface'>,
  node: WalkedNode,
  { source, inputInterface }: Pick<Packet, 'source' | 'inputInterface'>,
): boolean {
  if (setContains(scope.pods, source)) return true;
  if (scope.podInterface === null || inputInterface === undefined || isOwnAddress(node, source)) return false;
  return matchesInterface(scope.podInterface, inputInterface);
}
