import fc from 'fast-check';
import type { FactChange } from '../../src/model/facts.ts';
import type { NodeFacts } from '../../src/model/node.ts';
import { familyOf, type IpAddress } from '../../src/net/address.ts';
import type { Family } from '../../src/net/family.ts';
import type { Port } from '../../src/net/port.ts';
import type { Protocol } from '../../src/net/protocol.ts';
import { canonicalPlan } from '../../src/plan/canonical.ts';
import type { NatPlan } from '../../src/plan/nat-plan.ts';
import { isLoopback } from '../../src/plan/service.ts';
import type { Dialled } from '../netns/stage.ts';
import { ip, localAddress, portOf } from './build.ts';
import { factChange, thisNode } from './facts.ts';

/**
 * One state of a node and packets to send in it. Packets are chosen when the plan is known, so that most of them are
 * for something that it speaks of.
 */
export interface Traffic {
  readonly node: NodeFacts;
  readonly changes: readonly FactChange[];
  readonly choices: readonly PacketChoice[];
}

/** Indices, taken modulo the number of what there is to choose from. */
interface PacketChoice {
  /** An entry of the plan, or one of the other destinations. */
  readonly to: { readonly entry: number } | { readonly family: Family; readonly other: number };
  readonly source: number;
  /** For other destinations. */
  readonly protocol: Protocol;
  readonly port: Port;
}

/** Pods, their neighbours, the other node, a load balancer as source, the outside. The node's own are added. */
const SOURCES: Readonly<Record<Family, readonly IpAddress[]>> = {
  IPv4: list('10.244.1.1 10.244.1.2 10.244.2.1 10.244.1.9 198.51.100.9 100.64.9.9 192.0.2.50 192.0.2.11'),
  IPv6: list('fd00:244::1 fd00:244::2 fd00:244::9 2001:db8:9::9 2001:db8::50 2001:db8::11'),
};

/** Service addresses, used and unused ones; the outside; private networks; pods; the other node. The node's own are added. */
const DESTINATIONS: Readonly<Record<Family, readonly IpAddress[]>> = {
  IPv4: list(
    '10.96.0.10 10.96.0.99 203.0.113.7 192.0.2.50 100.64.9.8 192.168.7.7 10.0.0.9 10.244.1.1 192.0.2.11',
  ),
  IPv6: list('fd00:96::a fd00:96::99 2001:db8::50 2001:db8:9::8 fc00::77 fd00:244::1 2001:db8::11'),
};

const choice: fc.Arbitrary<PacketChoice> = fc.record({
  to: fc.oneof(
    { weight: 3, arbitrary: fc.record({ entry: fc.nat(999) }) },
    {
      weight: 2,
      arbitrary: fc.record({ family: fc.constantFrom<Family>('IPv4', 'IPv6'), other: fc.nat(99) }),
    },
  ),
  source: fc.nat(99),
  protocol: fc.constantFrom<Protocol>('TCP', 'TCP', 'UDP', 'UDP', 'SCTP'),
  port: fc.constantFrom(25, 80, 30080, 8080, 24).map(portOf),
});

/** A node that bears an address of each family, as one that masquerades must; maybe one out of a pod network, too. */
const realNode: fc.Arbitrary<NodeFacts> = fc.tuple(thisNode, fc.boolean()).map(([node, hasBridge]) => {
  const borne = new Set(node.localAddresses.map(({ address }) => address));
  const missing = [...list('192.0.2.10 2001:db8::10'), ...(hasBridge ? list('10.244.1.254') : [])];
  const localAddresses = [
    ...node.localAddresses,
    ...missing.filter((address) => !borne.has(address)).map((address) => localAddress(address)),
  ];
  const first = (family: Family) =>
    localAddresses.flatMap(({ address }) =>
      familyOf(address) === family && !isLoopback(address) ? [address] : [],
    )[0];
  const nodeIPs = [first('IPv4'), first('IPv6')].filter((address) => address !== undefined);
  return { ...node, localAddresses, nodeIPs };
});

export const traffic: fc.Arbitrary<Traffic> = fc.record({
  node: realNode,
  changes: fc.array(factChange, { maxLength: 24, size: 'max' }),
  choices: fc.array(choice, { minLength: 1, maxLength: 32, size: 'max' }),
});

/** The packets that are meant, without repetitions. */
export function packetsOf({ node, choices }: Traffic, plan: NatPlan): Dialled[] {
  const tuples = canonicalPlan(plan).flatMap(({ key }) => {
    const entry = plan.entry(String(key));
    return entry?.kind === 'ServiceFrontend' || entry?.kind === 'PodBinding' ? [entry.tuple] : [];
  });
  const own = node.localAddresses.map(({ address }) => address).filter((address) => !isLoopback(address));
  const ofFamily = (family: Family) => own.filter((address) => familyOf(address) === family);
  const packets = new Map<string, Dialled>();
  for (const { to, source: sourceIndex, protocol, port } of choices) {
    const tuple = 'entry' in to ? tuples[to.entry % Math.max(tuples.length, 1)] : undefined;
    const family = 'family' in to ? to.family : tuple === undefined ? 'IPv4' : familyOf(tuple.address);
    const other = 'other' in to ? to.other : to.entry;
    const address = pick([...DESTINATIONS[family], ...ofFamily(family)], other);
    const source = pick([...SOURCES[family], ...ofFamily(family)], sourceIndex);
    const packet = { source, ...(tuple ?? { address, protocol, port }) };
    packets.set(JSON.stringify(packet), packet);
  }
  return [...packets.values()];
}

function pick<T>(all: readonly T[], index: number): T {
  const one = all[index % all.length];
  if (one === undefined) throw new RangeError('nothing to choose from');
  return one;
}

function list(texts: string): readonly IpAddress[] {
  return texts.split(' ').map(ip);
}
