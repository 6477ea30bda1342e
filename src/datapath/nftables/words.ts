/** The words of the rules: what they ask of a packet, each said once. */
import type { Family } from '../../net/family.ts';
import { fieldsOf, LIST_NAME_BYTES, loadOf } from './fields.ts';
import { concat, jhash, lookup, member, notMember } from './ruleset/build.ts';
import { addresses, dport, header, iifname, l4proto, original } from './ruleset/loads.ts';
import type { NatFlag, Value } from './ruleset/nodes.ts';
import { setsOf } from './sets.ts';

/** The kernel chooses at random among the ports that it is given, whatever port the packet has. */
export const RANDOM: readonly NatFlag[] = ['fully-random'];

function makeWords(family: Family) {
  const fields = fieldsOf(family);
  const sets = setsOf(family);
  const { sourceOffset, addressBytes } = fields;
  const { saddr, daddr } = addresses[family];
  const frontend = loadOf(fields.frontend);
  const bothAddresses = header(sourceOffset, 2 * addressBytes);
  const dialledAddress = original(family, 'daddr');
  const dialledPort = original(family, 'proto-dst');
  const hash = (of: readonly Value[], seed: number) => jhash(of, 4294967295, seed);
  const client = family === 'IPv4' ? [saddr, daddr] : [hash([bothAddresses], 1), hash([bothAddresses], 2)];
  const isOutside = [notMember(saddr, sets.pods), notMember(iifname, sets.pod_interfaces)];
  return Object.freeze({
    saddr,
    daddr,
    /** What a packet is sent to: address, protocol, port. */
    frontend,
    /** What a packet comes from: address, protocol, port. */
    sender: loadOf(fields.sender),
    /** What EgressRules look at. */
    cell: loadOf(fields.cell),
    /** Of any packet a random number by its protocol, by which a range of ports is drawn. */
    draw: loadOf(fields.draw),
    /** The source address and the 8 bytes behind it, which the name of a list takes. */
    sourceAndMore: header(sourceOffset, addressBytes + LIST_NAME_BYTES),
    /** The address that was dialled, of a connection that was translated since. */
    dialledAddress,
    /** The frontend that was dialled, of a connection that was translated since. */
    dialled: concat(dialledAddress, l4proto, dialledPort),
    /** The client of a frontend, as the key of `affinity_clients` has it. */
    client: concat(...client, l4proto, dport),
    /** Packets whose source is no pod. What this node itself sends has come in by no interface. */
    isOutside,
    /**
     * Source and destination are one address. nft cannot compare two fields of a packet with each other, so they are looked
     * up byte by byte in the set of equal pairs. The last byte comes first: it tells most addresses apart.
     */
    isHairpin: Array.from({ length: addressBytes }, (_, index) =>
      member(loadOf(fields.hairpinByte(addressBytes - 1 - index)), sets.same_byte),
    ),
    /** A range of ports that nobody owns, drawn by its width. */
    freePorts: lookup(loadOf(fields.draw), sets.source_ports),
  });
}

const byFamily: Readonly<Record<Family, ReturnType<typeof makeWords>>> = {
  IPv4: makeWords('IPv4'),
  IPv6: makeWords('IPv6'),
};

export function wordsOf(family: Family): ReturnType<typeof makeWords> {
  return byFamily[family];
}

/** Chains that are the same in every variant of a table: made when they are first asked for. */
export function onceByFamily<T>(make: (family: Family) => T): (family: Family) => T {
  const made = new Map<Family, T>();
  return (family) => {
    const known = made.get(family) ?? make(family);
    made.set(family, known);
    return known;
  };
}
