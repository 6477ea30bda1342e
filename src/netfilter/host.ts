import type { IpAddress } from '../net/address.ts';
import type { Interface, PassingPacket } from './packet.ts';

/** The kernel's routing decision for a packet. */
export type Routing =
  /** To this host itself. */
  | { readonly kind: 'local' }
  | { readonly kind: 'out'; readonly output: Interface; readonly gateway: IpAddress | null }
  /** One of several ways, chosen by a hash of addresses and ports. */
  | { readonly kind: 'several'; readonly outputs: readonly Interface[] }
  /** `drop`: without an answer to the sender. */
  | { readonly kind: 'drop' | 'reject'; readonly because: string }
  | { readonly kind: 'unknown'; readonly because: string };

/** Type of an address by the routes: `enum` RTN_… of rtnetlink.h. */
export type AddressType = 'unicast' | 'local' | 'broadcast' | 'anycast' | 'multicast';

/** Questions to the host that rules and routing ask. Synchronous: a question takes some microseconds. */
export interface Host {
  /** By the packet's addresses, mark, ports and incoming interface, with all rules of policy routing. */
  route(packet: PassingPacket): Routing;
  /** The address that masquerading gives to what leaves by the packet's interface; null: none, and the packet is dropped. */
  masqueradeAddress(packet: PassingPacket): IpAddress | null;
  /** The address that a redirect sends to: the first of the incoming interface, loopback for this host's own packets. */
  redirectAddress(packet: PassingPacket): IpAddress | null;
}
