import { findingOf, type Notice } from '../model/finding.ts';
import { refOf } from '../model/object.ts';
import type { PoolFact } from '../model/pool.ts';
import type { Family } from '../net/family.ts';
import { formatPrefix, type Prefix, prefixRange } from '../net/prefix.ts';
import { type AddressRange, type AddressSet, unionOf } from '../net/ranges.ts';

/** A pool of one family with its addresses as numbers. */
export interface PlacedPool {
  readonly pool: PoolFact;
  readonly range: AddressRange;
}

/** MASQ of the specification: the addresses of pools with natOutgoing, including disabled pools. */
export function natOutgoingAddresses(
  family: Family,
  placed: readonly PlacedPool[],
  mostSpecificWins: boolean,
): AddressSet {
  const wanted = placed.filter(({ pool }) => pool.natOutgoing);
  const whole = unionOf(
    family,
    wanted.map(({ range }) => range),
  );
  return mostSpecificWins && wanted.length < placed.length ? unionOf(family, mostSpecific(placed)) : whole;
}

/** NET of the specification: all pools, including disabled ones, except those only for load balancers. */
export function egressExempt(pools: readonly PoolFact[]): Prefix[] {
  return pools.filter((pool) => !pool.loadBalancerOnly).map((pool) => pool.cidr);
}

/** Pools that pods get addresses from. A disabled pool may only name a network that is exempt from NAT. */
export function podPools(pools: readonly PoolFact[]): Prefix[] {
  return egressExempt(pools.filter(({ disabled, noWorkloads }) => !disabled && noWorkloads !== true));
}

/** Two prefixes overlap only if one contains the other, so in sorted order a stack has the pools around an address. */
function mostSpecific(placed: readonly PlacedPool[]): AddressRange[] {
  const ranges: AddressRange[] = [];
  const around: { range: AddressRange; natOutgoing: boolean }[] = [];
  let next = 0n;
  const fill = (last: bigint) => {
    const inner = around.at(-1);
    if (inner?.natOutgoing && next <= last) ranges.push({ first: next, last });
    next = last + 1n;
  };
  const leave = (before: bigint) => {
    for (let inner = around.at(-1); inner !== undefined && inner.range.last < before; inner = around.at(-1)) {
      fill(inner.range.last);
      around.pop();
    }
  };
  for (const { pool, range } of placed) {
    leave(range.first);
    const inner = around.at(-1);
    if (inner !== undefined && inner.range.first === range.first && inner.range.last === range.last) {
      inner.natOutgoing ||= pool.natOutgoing;
      continue;
    }
    if (range.first > next) fill(range.first - 1n);
    next = range.first;
    around.push({ range, natOutgoing: pool.natOutgoing });
  }
  for (let inner = around.at(-1); inner !== undefined; inner = around.at(-1)) {
    fill(inner.range.last);
    around.pop();
  }
  return ranges;
}

/**
 * Rules 3 and 4: a notice for each pool without natOutgoing whose addresses are translated because of another pool.
 * With most-specific-wins only a pool of the same CIDR has this effect.
 */
export function overriddenPools(placed: readonly PlacedPool[], mostSpecificWins: boolean): Notice[] {
  const notices: Notice[] = [];
  /** The pools with natOutgoing that contain the current pool, the narrowest last. */
  const around: PlacedPool[] = [];
  for (const { pool, range } of placed) {
    while ((around.at(-1)?.range.last ?? range.first) < range.first) around.pop();
    if (pool.natOutgoing) {
      around.push({ pool, range });
      continue;
    }
    const inner = around.at(-1);
    if (inner === undefined || (mostSpecificWins && inner.pool.cidr.length < pool.cidr.length)) continue;
    notices.push(overridden(pool, inner.pool));
  }
  return notices;
}

function overridden(pool: PoolFact, other: PoolFact): Notice {
  return findingOf(
    'NatPoolOverridden',
    refOf('IPPool', pool),
    `natOutgoing is off here, but ${formatPrefix(pool.cidr)} lies in pool ${other.name} ` +
      `(${formatPrefix(other.cidr)}), which has it on: its addresses are NATed`,
  );
}

/** By first address; then the wider pool first, pools with natOutgoing before others, and by name. */
export function placedPools(family: Family, pools: readonly PoolFact[]): PlacedPool[] {
  const placed = pools
    .filter(({ cidr }) => cidr.family === family)
    .map((pool) => ({ pool, range: prefixRange(pool.cidr) }));
  return placed.sort((a, b) => {
    if (a.range.first !== b.range.first) return a.range.first < b.range.first ? -1 : 1;
    return (
      a.pool.cidr.length - b.pool.cidr.length ||
      Number(b.pool.natOutgoing) - Number(a.pool.natOutgoing) ||
      (a.pool.name < b.pool.name ? -1 : 1)
    );
  });
}
