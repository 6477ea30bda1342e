import { isEgressSourceKey, type PlanEntry } from '../../plan/entry.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import { isPortClaim, isRange, laneOf } from '../../plan/port-claims.ts';
import { changedElements, type PlacedElement, type Programmed, program } from './element.ts';
import type { SetName } from './sets.ts';

/** Changes of entries that belong into one transaction. */
export interface Piece {
  readonly staged: [string, Programmed | null][];
  readonly before: PlacedElement[];
  readonly after: PlacedElement[];
  weight: number;
}

/** Sets of ranges of several fields: the kernel takes some ten times as long for an element. */
const SLOW_SETS: readonly SetName[] = [
  'binding_ranges',
  'bound_ranges',
  'pod_port_ranges',
  'source_ports',
  'egress_ports',
  'restricted_ranges',
  'allowed_sources',
  'egress_to',
  'egress_to_addresses',
];
const SLOW = 20;

/** What one transaction holds, if its pieces allow: some 20 ms of the kernel's time. */
const MOST_WEIGHT = 5_000;

/**
 * The changes of these keys, in pieces: of each entry all at once, and of entries whose ranges must not overlap at any time
 * (ranges of one address, EgressRules) those together.
 */
export function piecesOf(
  plan: Pick<NatPlan, 'entry'>,
  keys: Iterable<string>,
  programmed: ReadonlyMap<string, Programmed>,
): Piece[] {
  const pieces = new Map<string, Piece>();
  for (const key of keys) {
    const old = programmed.get(key);
    const entry = plan.entry(key);
    if (entry === old?.entry) continue;
    const now = entry === undefined ? null : program(entry, old);
    const name = togetherWith(old?.entry) ?? togetherWith(entry) ?? key;
    let piece = pieces.get(name);
    if (piece === undefined) {
      piece = { staged: [], before: [], after: [], weight: 0 };
      pieces.set(name, piece);
    }
    const { before, after } = changedElements(old, now);
    for (const element of before) piece.before.push(element);
    for (const element of after) piece.after.push(element);
    for (const { set } of [...before, ...after]) piece.weight += SLOW_SETS.includes(set) ? SLOW : 1;
    piece.staged.push([key, now]);
  }
  return [...pieces.values()];
}

/** Whose changes belong into the same transaction; null: nobody's. */
function togetherWith(entry: PlanEntry | undefined): string | null {
  if (entry === undefined) return null;
  if (isEgressSourceKey(entry.key)) return 'egress';
  return isPortClaim(entry) && isRange(entry) ? laneOf(entry) : null;
}

/** So often in a row what is large gives way to what came meanwhile; then one large piece goes along. */
const MOST_POSTPONED = 3;

/**
 * The pieces of the next transaction, small ones first, so that nobody waits for the large change of another; and those that
 * come later.
 *
 * @param postponed how often in a row nothing of what is left over was written
 */
export function nextTransaction(
  pieces: readonly Piece[],
  postponed = 0,
): {
  readonly now: readonly Piece[];
  readonly later: readonly Piece[];
} {
  const all = pieces.reduce((sum, { weight }) => sum + weight, 0);
  if (all <= MOST_WEIGHT) return { now: pieces, later: [] };
  const sorted = [...pieces].sort((a, b) => a.weight - b.weight);
  let weight = 0;
  let count = 0;
  for (const piece of sorted) {
    weight += piece.weight;
    if (count > 0 && weight > MOST_WEIGHT) break;
    count++;
  }
  if (postponed >= MOST_POSTPONED) count++;
  return { now: sorted.slice(0, count), later: sorted.slice(count) };
}
