/** The words of the rules: what they ask of a packet, each said once. */
import type { Family } from '../../net/family.ts';
import type { Protocol } from '../../net/protocol.ts';
import { addresses, concat, dport, header, l4proto, original, protocolIs } from './ruleset/build.ts';
import type { Statement, Value } from './ruleset/nodes.ts';

export interface Words {
  readonly saddr: Value;
  readonly daddr: Value;
  /** As the key of most maps: address, protocol, port. */
  readonly frontend: Value;
  /** As the value of most maps: address, port. */
  readonly endpoint: Value;
  /** What EgressRules look at. */
  readonly cell: Value;
  /** The frontend that was dialled, of a connection that was translated since. */
  readonly dialled: Value;
  /** Bytes of an address. */
  readonly addressBytes: number;
  /** This byte of the source, and the same of the destination. */
  readonly hairpinByte: (index: number) => Value;
  /** Source and destination, as one piece of the header. */
  readonly bothAddresses: Value;
}

/** The protocols that have ports. conntrack tells what was dialled by the protocol that a rule has asked for before. */
export const WITH_PORTS: readonly Protocol[] = ['TCP', 'UDP', 'SCTP'];

function makeWords(family: Family): Words {
  const { saddr, daddr } = addresses[family];
  const [source, addressBytes] = family === 'IPv4' ? [12, 4] : [8, 16]; // RFC 791, RFC 8200
  return Object.freeze({
    saddr,
    daddr,
    frontend: concat(daddr, l4proto, dport),
    endpoint: concat(daddr, dport),
    cell: concat(saddr, daddr, l4proto, dport),
    dialled: concat(original(family, 'daddr'), l4proto, original(family, 'proto-dst')),
    addressBytes,
    hairpinByte: (index: number) =>
      concat(header(source + index, 1), header(source + addressBytes + index, 1)),
    bothAddresses: header(source, 2 * addressBytes),
  });
}

const byFamily: Readonly<Record<Family, Words>> = { IPv4: makeWords('IPv4'), IPv6: makeWords('IPv6') };

export function wordsOf(family: Family): Words {
  return byFamily[family];
}

/** One statement list for each protocol that has ports: conntrack is asked for what was dialled. */
export function perProtocol<T>(make: (protocol: Statement, name: Protocol) => T): T[] {
  return WITH_PORTS.map((protocol) => make(protocolIs(protocol), protocol));
}
