import type { IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { Protocol } from '../net/protocol.ts';

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

/**
 * The first packet of a connection as rules see it at one place of its way. Interfaces: null where the hook has none, undefined
 * where nobody knows it.
 */
export interface PassingPacket extends Omit<Ends, 'source'> {
  readonly family: Family;
  readonly protocol: Protocol;
  /** Null: an address of this host, but which one is not known. */
  readonly source: IpAddress | null;
  /** This host sends it. */
  readonly isLocal: boolean;
  readonly input: Interface | null | undefined;
  readonly output: Interface | null | undefined;
  readonly mark: Mark;
  readonly connectionMark: Mark;
  /** `before`: connection tracking has not seen it yet. `untracked`: it never will. */
  readonly tracking: 'before' | 'tracked' | 'untracked';
  /** Sets that rules on its way changed, so that nobody knows what they have for it. */
  readonly filled?: readonly string[];
  /** As it came. */
  readonly original: Ends;
  /** A rule, or the absence of one, has decided about the translation of this end. */
  readonly isDecided: { readonly destination: boolean; readonly source: boolean };
}

/** The destination is not that of the packet as it came: `ct status dnat`. */
export function hasNewDestination({ destination, port, original }: PassingPacket): boolean {
  return destination !== original.destination || port !== original.port;
}

/** The source is not that of the packet as it came: `ct status snat`. */
export function hasNewSource({ source, sourcePort, original }: PassingPacket): boolean {
  return source !== original.source || (sourcePort !== original.sourcePort && sourcePort !== null);
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
