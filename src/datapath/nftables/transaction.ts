import { type Difference, difference } from '../../delta/delta.ts';
import type { Batch } from '../../wire/nftables/batch.ts';
import { batchOf } from './batches.ts';
import { inOrder, timeoutsOf } from './comparison.ts';
import { type EgressChains, egressChainsKey } from './egress.ts';
import { elementComparison, isSame, isShared, type PlacedElement } from './element.ts';
import { changesBetween } from './kernel-tables.ts';
import type { RenderedPiece } from './pieces.ts';
import { type SkeletonVariant, TABLE } from './skeleton.ts';
import type { Programmed } from './slots.ts';
import type { UseCount } from './use-count.ts';

/** What the kernel holds of the plan. */
export interface Held {
  /** By the entries' keys. */
  readonly programmed: Map<string, Programmed>;
  /** The elements that several entries may have. */
  readonly shared: UseCount<PlacedElement>;
  /** The timeouts of session affinity, in seconds. */
  readonly timeouts: UseCount<number>;
  /** What the table's chains are made for. */
  readonly variant: SkeletonVariant;
}

/** One transaction: the elements of some changed entries, and the chains that they need or that nobody needs any more. */
export interface Transaction {
  readonly batch: Batch;
  readonly changes: Difference<PlacedElement>;
  /** The chains stay as they are. */
  readonly keepsChains: boolean;
  /** Call it when the kernel has taken the batch. What is held goes over into the new state. */
  readonly done: () => Held;
}

export function transactionOf(
  pieces: readonly RenderedPiece[],
  held: Held,
  egress: EgressChains,
): Transaction {
  const staged = pieces.flatMap((piece) => piece.staged);
  const before = pieces.flatMap((piece) => piece.before);
  const after = pieces.flatMap((piece) => piece.after);
  const [ownBefore, sharedBefore] = apart(before);
  const [ownAfter, sharedAfter] = apart(after);
  const own = difference(ownAfter, ownBefore, elementComparison);
  const shared = held.shared.after(...withoutEqual(sharedBefore, sharedAfter));
  const changes = {
    add: [...own.add, ...shared.changes.add],
    remove: [...own.remove, ...shared.changes.remove],
  };
  const { programmed } = held;
  const timeoutsGone: number[] = [];
  const timeoutsCome: number[] = [];
  for (const [key, now] of staged) {
    const old = programmed.get(key);
    if (old !== undefined) timeoutsGone.push(...timeoutsOf(old.entry));
    if (now !== null) timeoutsCome.push(...timeoutsOf(now.entry));
  }
  const timeouts = held.timeouts.after(timeoutsGone, timeoutsCome);
  const kept = held.timeouts.names.map(Number).filter((each) => !timeouts.changes.remove.includes(each));
  const variant = { timeouts: inOrder([...kept, ...timeouts.changes.add]), egress };
  const keepsChains = variantKey(variant) === variantKey(held.variant);
  const batch = batchOf(changes, TABLE, keepsChains ? null : changesBetween(held.variant, variant));
  const done = () => {
    for (const [key, now] of staged) {
      if (now === null) programmed.delete(key);
      else programmed.set(key, now);
    }
    shared.done();
    timeouts.done();
    return { ...held, variant };
  };
  return { batch, changes, keepsChains, done };
}

/** Without the elements that stand at the same place in both: most changes of an entry leave what it shares alone. */
function withoutEqual(
  before: readonly PlacedElement[],
  after: readonly PlacedElement[],
): readonly [readonly PlacedElement[], readonly PlacedElement[]] {
  return [
    before.filter((placed, index) => !isSame(placed, after[index])),
    after.filter((placed, index) => !isSame(placed, before[index])),
  ];
}

/** The elements of one entry alone, and those that several may have. */
function apart(elements: readonly PlacedElement[]): readonly [PlacedElement[], PlacedElement[]] {
  const own: PlacedElement[] = [];
  const shared: PlacedElement[] = [];
  for (const placed of elements) (isShared(placed) ? shared : own).push(placed);
  return [own, shared];
}

function variantKey({ timeouts, egress }: SkeletonVariant): string {
  return `${timeouts.join()} ${egressChainsKey(egress)}`;
}
