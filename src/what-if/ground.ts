import type { WalkedNode } from '../explain/own.ts';
import { formatInterface, type InterfacePattern } from '../model/node.ts';
import { addressNumber, familyOf } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { prefixOf, prefixRange } from '../net/prefix.ts';
import type { AddressRange } from '../net/ranges.ts';
import type { FamilyScope } from '../plan/entry.ts';
import { scopeOf } from '../plan/nat-plan.ts';
import type { Comparison } from './comparison.ts';
import { everyAddress, type Labels, singleAddress } from './partition.ts';
import type { Both, Side } from './sides.ts';

/** What both the partition of sources and that of destinations are made from. */
export interface Ground {
  readonly family: Family;
  readonly scope: Both<FamilyScope>;
  /** The node's own addresses. */
  readonly own: Both<readonly AddressRange[]>;
}

const LOOPBACK = { IPv4: prefixRange(prefixOf('127.0.0.0/8')), IPv6: prefixRange(prefixOf('::1/128')) };

export function groundOf(family: Family, { before, after }: Comparison): Ground {
  const own = ownRanges(family, before);
  return {
    family,
    scope: { before: scopeOf(before.plan, family), after: scopeOf(after.plan, family) },
    own: { before: own, after: sameAddresses(before.node, after.node) ? own : ownRanges(family, after) },
  };
}

function sameAddresses(a: WalkedNode, b: WalkedNode): boolean {
  return (
    a.localAddresses.length === b.localAddresses.length &&
    a.localAddresses.every(({ address }, index) => address === b.localAddresses[index]?.address)
  );
}

function ownRanges(family: Family, { node }: Side): readonly AddressRange[] {
  const own = node.localAddresses.filter(({ address }) => familyOf(address) === family);
  return [LOOPBACK[family], ...own.map(({ address }) => singleAddress(addressNumber(address)))];
}

/** Labels all addresses with a setting, so that a part differs where the setting does. */
export function labelSetting(
  labels: Labels,
  family: Family,
  name: string,
  setting: Both<InterfacePattern | null>,
): void {
  const text = (pattern: InterfacePattern | null) => (pattern === null ? '-' : formatInterface(pattern));
  const everywhere = everyAddress(family);
  if (text(setting.before) === text(setting.after)) return;
  labels.addBoth(`${name} ${text(setting.before)}`, { before: everywhere, after: [] });
  labels.addBoth(`${name} ${text(setting.after)}`, { before: [], after: everywhere });
}

/** Pools decide nothing by themselves, but explanations name them: labels with this mark never make a difference. */
export const FOR_EXPLANATIONS = '~';

export function labelPools(labels: Labels, { scope }: Ground): void {
  const of = ({ pools }: FamilyScope) =>
    pools.map((pool) => ({ name: `${FOR_EXPLANATIONS}pool ${pool.name} ${pool.natOutgoing}`, pool }));
  if (scope.before.pools === scope.after.pools) {
    for (const { name, pool } of of(scope.before)) {
      const ranges = [prefixRange(pool.cidr)];
      labels.addBoth(name, { before: ranges, after: ranges });
    }
    return;
  }
  for (const { name, pool } of of(scope.before))
    labels.addBoth(name, { before: [prefixRange(pool.cidr)], after: [] });
  for (const { name, pool } of of(scope.after))
    labels.addBoth(name, { before: [], after: [prefixRange(pool.cidr)] });
}
