import fc from 'fast-check';
import { familyOf, type IpAddress } from '../../src/net/address.ts';
import type { Family } from '../../src/net/family.ts';
import type { Port } from '../../src/net/port.ts';
import type { Protocol } from '../../src/net/protocol.ts';
import { isLoopback } from '../../src/net/special-address.ts';
import { canonicalPlan } from '../../src/plan/canonical.ts';
import type { NatPlan } from '../../src/plan/nat-plan.ts';
import type { Dialled } from '../netns/stage.ts';
import { ip, portOf } from './build.ts';
import { type BusyNode, busyNode } from './busy-node.ts';

/**
 * One state of a node and packets to send in it. Packets are chosen when the plan is known, so that most of them match
 * an entry of it.
 */
export interface Traffic extends BusyNode {
  readonly choices: readonly PacketChoice[];
}

/** Indices, taken modulo the number of choices. */
export interface PacketChoice {
  /** A frontend or binding of the plan, or another destination; a bound pod may send to the latter too. */
  readonly to:
    | { readonly entry: number }
    | { readonly family: Family; readonly other: number }
    | { readonly podSource: number; readonly other: number };
  readonly source: number;
  /** For other destinations. */
  readonly protocol: Protocol;
  readonly port: Port;
}

/** Pods, their neighbours, the other node, a load balancer as source, the outside. The node's own are added. */
export const SOURCES: Readonly<Record<Family, readonly IpAddress[]>> = {
  IPv4: list(
    '10.244.1.1 10.244.1.2 10.244.2.1 10.244.1.9 198.51.100.9 100.64.9.9 192.0.2.50 192.0.2.51 192.0.2.11',
  ),
  IPv6: list('fd00:244::1 fd00:244::2 fd00:244::9 2001:db8:9::9 2001:db8::50 2001:db8::11'),
};

/** Service addresses, used and unused ones; the outside; private networks; pods; the other node. The node's own are added. */
export const DESTINATIONS: Readonly<Record<Family, readonly IpAddress[]>> = {
  IPv4: list(
    '10.96.0.10 10.96.0.11 10.96.0.99 203.0.113.7 192.0.2.50 192.0.2.51 100.64.9.8 192.168.7.7 10.0.0.9 10.244.1.1 192.0.2.11',
  ),
  IPv6: list('fd00:96::10 fd00:96::99 2001:db8::50 2001:db8:9::8 fc00::77 fd00:244::1 2001:db8::11'),
};

export const packetChoice: fc.Arbitrary<PacketChoice> = fc.record({
  to: fc.oneof(
    { weight: 3, arbitrary: fc.record({ entry: fc.nat(999) }) },
    {
      weight: 2,
      arbitrary: fc.record({ family: fc.constantFrom<Family>('IPv4', 'IPv6'), other: fc.nat(99) }),
    },
    { weight: 1, arbitrary: fc.record({ podSource: fc.nat(99), other: fc.nat(99) }) },
  ),
  source: fc.nat(99),
  protocol: fc.constantFrom<Protocol>('TCP', 'TCP', 'UDP', 'UDP', 'SCTP'),
  port: fc.constantFrom(25, 80, 30080, 8080, 24).map(portOf),
});

export const traffic: fc.Arbitrary<Traffic> = fc
  .record({ state: busyNode, choices: fc.array(packetChoice, { minLength: 1, maxLength: 32, size: 'max' }) })
  .map(({ state, choices }) => ({ ...state, choices }));

/** The packets of these choices, without repetitions. */
export function packetsOf({ node, choices }: Omit<Traffic, 'changes'>, plan: NatPlan): Dialled[] {
  const entries = canonicalPlan(plan).flatMap(({ key }) => plan.entry(String(key)) ?? []);
  const tuples = entries.flatMap((entry) =>
    entry.kind === 'ServiceFrontend' || entry.kind === 'PodBinding' ? [entry.tuple] : [],
  );
  const podSources = entries.flatMap((entry) => (entry.kind === 'PodSource' ? [entry] : []));
  const own = node.localAddresses.map(({ address }) => address).filter((address) => !isLoopback(address));
  const fromAll = (family: Family, all: readonly IpAddress[], index: number) =>
    pick([...all, ...own.filter((address) => familyOf(address) === family)], index);

  const packets = new Map<string, Dialled>();
  for (const { to, source: index, protocol, port } of choices) {
    let packet: Dialled;
    if ('entry' in to && tuples.length > 0) {
      const { address, protocol, port } = pick(tuples, to.entry);
      const family = familyOf(address);
      packet = { source: fromAll(family, SOURCES[family], index), address, protocol, port };
    } else if ('podSource' in to && podSources.length > 0) {
      const { address: source, protocol } = pick(podSources, to.podSource);
      const family = familyOf(source);
      packet = { source, address: fromAll(family, DESTINATIONS[family], to.other), protocol, port };
    } else {
      const family = 'family' in to ? to.family : 'IPv4';
      const source = fromAll(family, SOURCES[family], index);
      const address = fromAll(family, DESTINATIONS[family], 'other' in to ? to.other : to.entry);
      packet = { source, address, protocol, port };
    }
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
