/** The words of the rules: what they ask of a packet, each said once. */
import type { Family } from '../../net/family.ts';
import type { Protocol } from '../../net/protocol.ts';
import {
  addresses,
  concat,
  dport,
  header,
  l4proto,
  original,
  protocolIs,
  random,
  sport,
} from './ruleset/build.ts';
import type { Statement, Value } from './ruleset/nodes.ts';

export interface Words {
  readonly saddr: Value;
  readonly daddr: Value;
  /** As the key of most maps: address, protocol, port. */
  readonly frontend: Value;
  /** As the value of most maps: address, port. */
  readonly endpoint: Value;
  /** What a pod sends from, as the key of maps: address, protocol, port. */
  readonly sender: Value;
  /** Of any packet a random number by its protocol, by which a range of ports is drawn. */
  readonly draw: Value;
  /** The source address and the 8 bytes behind it, which the name of a list takes. */
  readonly sourceAndMore: Value;
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

/** Numbers by which a range of ports is drawn: as many as there are ports, so that a range of one port has one too. */
export const DRAWN = 65536;

function makeWords(family: Family): Words {
  const { saddr, daddr } = addresses[family];
  const [source, addressBytes] = family === 'IPv4' ? [12, 4] : [8, 16]; // RFC 791, RFC 8200
  return Object.freeze({
    saddr,
    daddr,
    frontend: concat(daddr, l4proto, dport),
    endpoint: concat(daddr, dport),
    sender: concat(saddr, l4proto, sport),
    sourceAndMore: header(source, addressBytes + 8),
    draw: concat(l4proto, random(DRAWN)),
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
