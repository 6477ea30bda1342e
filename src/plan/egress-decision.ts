import type { EgressDestination } from '../model/egress-rule.ts';
import { matchesInterface } from '../model/node.ts';
import type { ObjectRef } from '../model/object.ts';
import { refOf } from '../model/object.ts';
import type { PoolFact } from '../model/pool.ts';
import type { IpAddress } from '../net/address.ts';
import type { Port } from '../net/port.ts';
import { prefixContains } from '../net/prefix.ts';
import type { Protocol } from '../net/protocol.ts';
import { setContains } from '../net/ranges.ts';
import type { EgressChoice, EgressOutcome, EgressSource, FamilyScope } from './entry.ts';

/** What egress NAT looks at, once the destination is settled. */
export interface EgressPacket {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** Null: a protocol without ports, such as ICMP. */
  readonly protocol: Protocol | null;
  readonly port: Port | null;
  /** Interface that it came in by, where that is known; absent for what the node itself sends. */
  readonly inputInterface?: string | undefined;
  /** Interface that it leaves by; null: not known, and then it counts as one that the filter lets pass. */
  readonly outInterface: string | null;
}

/** What is kept from pools' NAT by: a pool, a node's address, a network of ip-masq-agent's file. */
export type Exemption = ObjectRef | 'ip-masq-agent';

/** What becomes of the source, and which rule says so. */
export type EgressDecision = {
  /** EgressRules for this source that did not decide, in the order in which they were asked. */
  readonly passedOver: readonly { readonly choice: EgressChoice; readonly why: 'destination' | 'later' }[];
} & (
  | { readonly by: 'rule'; readonly outcome: EgressOutcome; readonly choice: EgressChoice }
  /** The source is NATed from; `pool` is null where ip-masq-agent's file alone says so. */
  | {
      readonly by: 'pool';
      readonly outcome: EgressOutcome;
      readonly pool: ObjectRef | null;
      /** Other pools around the source, from the narrowest. */
      readonly others: readonly PoolFact[];
    }
  | {
      readonly by: 'exempt';
      readonly outcome: EgressOutcome;
      readonly pool: ObjectRef | null;
      readonly exemptBy: Exemption;
    }
  | {
      readonly by: 'interface';
      readonly outcome: EgressOutcome;
      readonly pool: ObjectRef | null;
      readonly filter: string;
    }
  | { readonly by: 'nothing'; readonly outcome: EgressOutcome }
);

const KEEP: EgressOutcome = { verdict: 'keep' };

/**
 * What egress NAT does with a packet: the one answer of docs/spec/egress-nat.md, "The decision", for one family. Rules first,
 * then: NATed if and only if the source is one that is NATed from, the destination is not exempt, and the interface
 * matches. `of` is the plan's EgressSource that holds the source, if one does.
 *
 * The kernel's sets and maps are made from the same values (datapath/nftables/element.ts), and
 * test/conformance/egress.kernel.test.ts holds the two against each other.
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
  if (exempt) {
    const exemptBy = exemptionOf(scope, packet.destination);
    return { by: 'exempt', outcome: KEEP, pool, exemptBy, passedOver };
  }
  const { interfaceFilter: filter, address } = scope.egress;
  if (filter !== null && packet.outInterface !== null && !isInterface(filter, packet.outInterface)) {
    return { by: 'interface', outcome: KEEP, pool, filter, passedOver };
  }
  const outcome: EgressOutcome =
    address === null ? { verdict: 'masquerade' } : { verdict: 'snat', to: address };
  return { by: 'pool', outcome, pool, others: around.filter((each) => each !== deciding), passedOver };
}

/** True for a source that is NATed from, by its address or by the interface that its packets come in by. */
function isSource({ egressSources, egressInterface }: FamilyScope, packet: EgressPacket): boolean {
  if (setContains(egressSources, packet.source)) return true;
  const { inputInterface: by } = packet;
  return egressInterface !== null && by !== undefined && matchesInterface(egressInterface, by);
}

/** True when the destination is meant: its network, and its protocol and port where it names them. */
function isDestination({ cidr, protocol, ports }: EgressDestination, packet: EgressPacket): boolean {
  return (
    prefixContains(cidr, packet.destination) &&
    (protocol === null || protocol === packet.protocol) &&
    (ports === null || (packet.port !== null && ports.first <= packet.port && packet.port <= ports.last))
  );
}

/** As iptables and nft match a name: a trailing `+` stands for any rest. */
export function isInterface(filter: string, name: string): boolean {
  return filter.endsWith('+') ? name.startsWith(filter.slice(0, -1)) : name === filter;
}

/** The pool that is named for it that the source is NATed from: the narrowest that says so, then by name. */
function decidingPool(around: readonly PoolFact[], mostSpecificWins: boolean): PoolFact | null {
  const narrowest = around[0]?.cidr.length;
  const counts = ({ cidr }: PoolFact) => !mostSpecificWins || cidr.length === narrowest;
  return around.find((pool) => pool.natOutgoing && counts(pool)) ?? null;
}

/** The narrowest pool, then a node, then the file of ip-masq-agent. */
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
