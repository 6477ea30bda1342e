import type { Family } from '../../net/family.ts';
import { addressesOf, elementComparison, type PlacedElement, place, placeRanges, rowOf } from './element.ts';
import { fieldsOf } from './fields.ts';
import type { SetName } from './sets.ts';

/** Sets by which a packet is told early that nothing in others concerns it; the sets that they stand for. */
const GUARDED = {
  outside_addresses: ['masquerade_always', 'policy_local'],
  restricted_addresses: ['restricted', 'restricted_ranges'],
} as const satisfies Partial<Record<SetName, readonly SetName[]>>;

type Guard = 'frontend_addresses' | keyof typeof GUARDED;

/**
 * The elements with the guards that they need, each once: a table that another version of the agent wrote may have no such
 * sets, and what stays of it is found only behind them.
 */
export function withGuards(found: readonly PlacedElement[]): readonly PlacedElement[] {
  const known = new Set(found.map(elementComparison.identity));
  const missing: PlacedElement[] = [];
  for (const placed of found) {
    for (const guard of guardsOf(placed)) {
      const name = elementComparison.identity(guard);
      if (known.has(name)) continue;
      known.add(name);
      missing.push(guard);
    }
  }
  return missing.length === 0 ? found : [...found, ...missing];
}

/** The elements of guards without which the rules do not come to this one. */
export function guardsOf(placed: PlacedElement): PlacedElement[] {
  const { family, set, element } = placed;
  const { fields, entries, isShared, unread } = rowOf(placed);
  const { daddr, addressBytes } = fieldsOf(family);
  if (unread === 'source' && set !== 'egress_rule_sources') {
    return placeRanges('egress_rule_sources', { family, ranges: [addressesOf(placed)] });
  }
  const isDialled = fields[0] === daddr && entries.some((kind) => DIALLED.has(kind));
  if (!isDialled || isShared) return [];
  const address = element.key.subarray(0, addressBytes);
  const guards: Guard[] = ['frontend_addresses'];
  for (const [guard, sets] of Object.entries(GUARDED)) {
    if ((sets as readonly SetName[]).includes(set)) guards.push(guard as Guard);
  }
  return guards.map((guard) => guardAt(family, guard, address));
}

const DIALLED: ReadonlySet<string> = new Set(['ServiceFrontend', 'PodBinding', 'ClusterAddress']);

function guardAt(family: Family, guard: Guard, address: Uint8Array): PlacedElement {
  return place(family, guard, { key: [address] });
}
