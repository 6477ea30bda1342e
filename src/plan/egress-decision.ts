import type { EgressDestination } from '../model/egress-rule.ts';
import { matchesInterface } from '../model/node.ts';
import { type ObjectRef, refOf } from '../model/object.ts';
import type { PoolFact } from '../model/pool.ts';
import type { IpAddress } from '../net/address.ts';
import type { Port } from '../net/port.ts';
import { prefixContains } from '../net/prefix.ts';
import type { Protocol } from '../net/protocol.ts';
import { setContains } from '../net/ranges.ts';
import type { EgressChoice, EgressOutcome, EgressSource, FamilyScope } from './entry.ts';

/** A packet as egress NAT sees it, after destination NAT. */
export interface EgressPacket {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** Null: a protocol without ports, such as ICMP. */
  readonly protocol: Protocol | null;
  readonly port: Port | null;
  /** The incoming interface; absent: not known, or the node itself sends the packet. */
  readonly inputInterface?: string | undefined;
  /** The outgoing interface; null: not known, and then the interface filter does not apply. */
  readonly outInterface: string | null;
}

/** Why a destination is exempt from the NAT of pools: a pool, an address of a node, or ip-masq-agent's file. */
export type Exemption = ObjectRef | 'ip-masq-agent';

/** The NAT of pools, for a source that they translate. */
export interface PoolDecision {
  readonly by: 'pool';
  readonly outcome: EgressOutcome;
  /** The pool that has `natOutgoing`; null if only ip-masq-agent's file asks for NAT. */
  readonly pool: ObjectRef | null;
  /** Why the source stays: the exemption of the destination, or the interface filter; null: it does not stay. */
  readonly because: { readonly exemptBy: Exemption } | { readonly interfaceFilter: string } | null;
  /** Other pools that contain the source, the narrowest first; empty if the source stays. */
  readonly others: readonly PoolFact[];
}

/** The outcome for the source, and the deciding rule. */
export type EgressDecision = {
  /** EgressRules for this source that did not decide, in the order in which they are asked. */
  readonly passedOver: readonly { readonly choice: EgressChoice; readonly why: 'destination' | 'later' }[];
} & (
  | { readonly by: 'rule'; readonly outcome: EgressOutcome; readonly choice: EgressChoice }
  | PoolDecision
  | { readonly by: 'nothing'; readonly outcome: EgressOutcome }
);

const KEEP: EgressOutcome = { verdict: 'keep' };

/**
 * What egress NAT does with a packet of one family (docs/spec/egress-nat.md, "The decision"). `of` is the plan's
 * EgressSource that contains the source. The kernel's sets and maps are made from the same values
 * (datapath/nftables/element.ts); test/conformance/egress.kernel.test.ts compares the two.
 */
export function decideEgress(
  scope: FamilyScope,
  of: EgressSource | undefined,
  packet: EgressPacket,
): EgressDecision {
  const exempt = setContains(scope.egressExempt, packet.destination);
  const choices = of?.choices ?? [];
  const index = choices.findIndex(({ to }) =>
    to === null ? !exempt : to.some((destination) => isDestination(destination, packet)),
  );
  const passedOver = choices.flatMap((choice, place) =>
    place === index
      ? []
      : [{ choice, why: index >= 0 && place > index ? ('later' as const) : ('destination' as const) }],
  );
  const decisive = choices[index];
  if (decisive !== undefined) {
    return { by: 'rule', outcome: decisive.outcome, choice: decisive, passedOver };
  }
  if (!isSource(scope, packet)) return { by: 'nothing', outcome: KEEP, passedOver };
  const around = poolsAround(scope.pools, packet.source);
  const deciding = decidingPool(around, scope.egress.mostSpecificWins);
  const pool = deciding === null ? null : refOf('IPPool', deciding);
  const { interfaceFilter, address } = scope.egress;
  const { destination, outInterface } = packet;
  const because = exempt
    ? { exemptBy: exemptionOf(scope, destination) }
    : interfaceFilter !== null && outInterface !== null && !isInterface(interfaceFilter, outInterface)
      ? { interfaceFilter }
      : null;
  if (because !== null) return { by: 'pool', outcome: KEEP, pool, because, others: [], passedOver };
  const outcome: EgressOutcome =
    address === null ? { verdict: 'masquerade' } : { verdict: 'snat', to: address };
  const others = around.filter((each) => each !== deciding);
  return { by: 'pool', outcome, pool, because: null, others, passedOver };
}

/** True if the source's address or the incoming interface makes it a source of egress NAT. */
function isSource({ egressSources, egressInterface }: FamilyScope, packet: EgressPacket): boolean {
  if (setContains(egressSources, packet.source)) return true;
  const { inputInterface: by } = packet;
  return egressInterface !== null && by !== undefined && matchesInterface(egressInterface, by);
}

function isDestination({ cidr, protocol, ports }: EgressDestination, packet: EgressPacket): boolean {
  return (
    prefixContains(cidr, packet.destination) &&
    (protocol === null || protocol === packet.protocol) &&
    (ports === null || (packet.port !== null && ports.first <= packet.port && packet.port <= ports.last))
  );
}

/** Matches a name as iptables does: a trailing `+` is a wildcard. */
export function isInterface(filter: string, name: string): boolean {
  return filter.endsWith('+') ? name.startsWith(filter.slice(0, -1)) : name === filter;
}

function decidingPool(around: readonly PoolFact[], mostSpecificWins: boolean): PoolFact | null {
  const narrowest = around[0]?.cidr.length;
  const counts = ({ cidr }: PoolFact) => !mostSpecificWins || cidr.length === narrowest;
  return around.find((pool) => pool.natOutgoing && counts(pool)) ?? null;
}

/** Why the destination is exempt: the narrowest pool, else a node, else ip-masq-agent's file. */
function exemptionOf({ pools, egress }: FamilyScope, destination: IpAddress): Exemption {
  const [pool] = poolsAround(pools, destination).filter(({ loadBalancerOnly }) => !loadBalancerOnly);
  if (pool !== undefined) return refOf('IPPool', pool);
  const host = egress.hosts.find(({ address }) => address === destination);
  return host === undefined ? 'ip-masq-agent' : refOf('Node', { name: host.node });
}

function poolsAround(pools: readonly PoolFact[], address: IpAddress): PoolFact[] {
  return pools
    .filter(({ cidr }) => prefixContains(cidr, address))
    .sort((a, b) => b.cidr.length - a.cidr.length || (a.name < b.name ? -1 : 1));
}
