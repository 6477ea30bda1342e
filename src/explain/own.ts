import type { NodeFacts } from '../model/node.ts';
import type { IpAddress } from '../net/address.ts';
import { isLoopback } from '../plan/service.ts';

/** What a walk needs to know of the node beside the plan. */
export type WalkedNode = Pick<NodeFacts, 'nodeName' | 'localAddresses' | 'listeners'>;

/** True for an address that this node itself answers to: one of its interfaces', or loopback. */
export function isOwnAddress(node: WalkedNode, address: IpAddress): boolean {
  return isLoopback(address) || node.localAddresses.some((local) => local.address === address);
}
