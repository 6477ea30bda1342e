import type { IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { PacketProtocol } from '../net/protocol.ts';

export interface Interface {
  readonly name: string;
  readonly index: number;
}

/** Bits of a mark of 32 bits; a bit that is not in `known` may be anything. */
export interface Mark {
  readonly value: number;
  readonly known: number;
}

/** Ends of a connection in one direction; a null port is not known. */
export interface Ends {
  readonly source: IpAddress;
  readonly sourcePort: number | null;
  readonly destination: IpAddress;
  readonly port: number | null;
}

/** Ends of a connection in one direction; an address of null is one of this host, but which one is not known. */
export type Tuple = Omit<Ends, 'source' | 'destination'> & {
  readonly source: IpAddress | null;
  readonly destination: IpAddress | null;
};

/** A connection of conntrack, and how a packet belongs to it. */
export interface Connection {
  /** `related`: an ICMP error about one of its packets. */
  readonly state: 'established' | 'related';
  /** Which way the packet goes. */
  readonly direction: 'original' | 'reply';
  readonly protocol: PacketProtocol;
  readonly original: Tuple;
  readonly reply: Tuple;
}

/** Numbers of RFC 792 or RFC 4443. A null code is not known. */
export interface IcmpHeader {
  readonly type: number;
  readonly code: number | null;
  /** It is about another packet. */
  readonly isError: boolean;
}

/**
 * A packet as rules see it at one place of its way: mostly the first one of a connection. Interfaces: null where the hook has none, undefined
 * where nobody knows it.
 */
export interface PassingPacket extends Omit<Ends, 'source'> {
  readonly family: Family;
  readonly protocol: PacketProtocol;
  /** With ICMP, which has no ports. */
  readonly icmp?: IcmpHeader;
  /** Null: an address of this host, but which one is not known. */
  readonly source: IpAddress | null;
  /** This host sends it. */
  readonly isLocal: boolean;
  readonly input: Interface | null | undefined;
  readonly output: Interface | null | undefined;
  readonly mark: Mark;
  readonly connectionMark: Mark;
  /**
   * `before`: connection tracking has not seen it yet. `untracked`: it never will. `unplaced`: it has seen it, knows no connection
   * of it and begins none.
   */
  readonly tracking: 'before' | 'tracked' | 'untracked' | 'unplaced';
  /** What connection tracking finds; absent: the packet begins a connection. */
  readonly connection?: Connection | 'none';
  /** Conntrack has confirmed its connection, which it does where a packet leaves: this host has sent the packet to itself. */
  readonly isConfirmed?: true;
  /** Sets that rules on its way changed, so that nobody knows what they have for it. */
  readonly filled?: readonly string[];
  /** As it came. */
  readonly original: Ends;
  /** A rule, or the absence of one, has decided about the translation of this end. */
  readonly isDecided: { readonly destination: boolean; readonly source: boolean };
}

/** Two packets of the same key meet the same rules from here on. */
export function packetKey(packet: PassingPacket): string {
  return JSON.stringify(packet);
}

export function applyMark({ value, known }: Mark, clear: number, toggle: Mark): Mark {
  const kept = { value: value & ~clear, known: known | clear };
  return {
    value: ((kept.value ^ toggle.value) & kept.known & toggle.known) >>> 0,
    known: (kept.known & toggle.known) >>> 0,
  };
}
