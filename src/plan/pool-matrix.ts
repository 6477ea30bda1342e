import type { PoolFact } from '../model/pool.ts';
import { addressFromNumber, type IpAddress } from '../net/address.ts';
import { prefixRange, prefixSet } from '../net/prefix.ts';
import { type AddressSet, complementOf, differenceOf, unionOf } from '../net/ranges.ts';
import { decideEgress } from './egress-decision.ts';
import type { EgressOutcome, FamilyScope } from './entry.ts';

/** What egress NAT does to packets of a pool, by their destination. */
export interface PoolRow {
  readonly pool: string;
  readonly towards: readonly {
    /** Null: outside all pools. */
    readonly pool: string | null;
    readonly verdict: EgressOutcome['verdict'];
  }[];
}

/** The decision of `decideEgress` for packets between pools, each represented by an address in no narrower pool. */
export function poolRows(scope: FamilyScope, pools: readonly PoolFact[]): PoolRow[] {
  const outside = outsideOf(scope);
  const columns = pools.map((pool) => ({ pool: pool.name, address: ownAddress(scope, pool) }));
  return columns.map(({ pool, address: source }) => ({
    pool,
    towards: [...columns, { pool: null, address: outside }].map((column) => ({
      pool: column.pool,
      verdict: decideEgress(scope, undefined, {
        ...{ source, destination: column.address, protocol: null, port: null, outInterface: null },
        inputInterface: scope.egressInterface?.name,
      }).outcome.verdict,
    })),
  }));
}

function ownAddress({ family, pools }: FamilyScope, { cidr }: PoolFact): IpAddress {
  const narrower = pools.map((other) => other.cidr).filter(({ length }) => length > cidr.length);
  return firstOf(differenceOf(prefixSet(family, [cidr]), prefixSet(family, narrower))) ?? cidr.address;
}

/** An address outside all pools that is not exempt for another reason; if there is none, any address. */
function outsideOf({ family, pools, egressExempt }: FamilyScope): IpAddress {
  const inside = unionOf(family, [...egressExempt.ranges, ...pools.map(({ cidr }) => prefixRange(cidr))]);
  return firstOf(complementOf(inside)) ?? addressFromNumber(family, 0n);
}

function firstOf({ family, ranges: [range] }: AddressSet): IpAddress | null {
  return range === undefined ? null : addressFromNumber(family, range.first);
}
