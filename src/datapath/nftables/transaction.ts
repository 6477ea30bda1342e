import { type Difference, difference } from '../../delta/delta.ts';
import { Batch } from '../../wire/nftables/batch.ts';
import { placeAll } from './batches.ts';
import { isSameEgress } from './egress.ts';
import { elementComparison, isSame, isShared, type PlacedElement } from './element.ts';
import { ElementLists } from './element-lists.ts';
import { putChangedSlots } from './frontend-elements.ts';
import { beginChanges, changesBetween, endChanges } from './kernel-tables.ts';
import { type Need, neededBy, needsIn, needsOf, nothingNeeded } from './needs.ts';
import { isSameNetworks } from './networks.ts';
import type { RenderedPiece, StagedEntry } from './pieces.ts';
import type { ProgrammedByKey } from './programmed-entries.ts';
import { type RuleSettings, type SkeletonVariant, TABLE } from './skeleton.ts';
import type { UseChange, UseCount } from './use-count.ts';

/** What the kernel holds of the plan. */
export interface Held {
  /** By the entries' keys. */
  readonly programmed: ProgrammedByKey;
  /** The elements that several entries may have. */
  readonly shared: UseCount<PlacedElement>;
  /** What of the chains is needed. */
  readonly needs: UseCount<Need>;
  /** What the table's chains are made for. */
  readonly variant: SkeletonVariant;
}

/** One transaction: the elements of some changed entries, and the chains that they need or that nobody needs any more. */
export class Transaction {
  /** Valid until the next transaction is made. */
  readonly batch: Batch;
  /** The elements, but those of slots. */
  readonly changes: Difference<PlacedElement>;
  /** All elements. */
  readonly elementsAdded: number;
  readonly elementsDeleted: number;
  readonly #staged: readonly StagedEntry[];
  readonly #held: Held;
  readonly #shared: UseChange<PlacedElement>;
  readonly #needs: UseChange<Need>;
  readonly #variant: SkeletonVariant;

  /** @param batch empty; the transaction is written into it */
  constructor(
    batch: Batch,
    lists: ElementLists,
    pieces: readonly RenderedPiece[],
    held: Held,
    settings: RuleSettings,
  ) {
    const { staged, before, after } = joined(pieces);
    this.batch = batch;
    this.#staged = staged;
    this.#held = held;
    this.#shared = sharedChange(held, before, after);
    this.changes = together(ownDifference(before, after), this.#shared.changes);
    this.#needs = needsAfter(held, staged);
    this.#variant = variantAfter(held, this.#needs.changes, settings);
    const chains = this.keepsChains ? null : changesBetween(held.variant, this.#variant);
    if (chains !== null) beginChanges(batch, chains);
    // Removals first, so that what takes their place finds it free.
    lists.begin('delete', batch, TABLE);
    placeAll(lists, this.changes.remove);
    for (const { old, now } of staged) if (old !== null) putChangedSlots(old, now, lists);
    this.elementsDeleted = lists.end();
    lists.begin('add', batch, TABLE);
    placeAll(lists, this.changes.add);
    for (const { old, now } of staged) if (now !== null) putChangedSlots(now, old, lists);
    this.elementsAdded = lists.end();
    if (chains !== null) endChanges(batch, chains);
  }

  /** The chains stay as they are. */
  get keepsChains(): boolean {
    return this.#variant === this.#held.variant;
  }

  /** Call it when the kernel has taken the batch. What is held goes over into the new state. */
  done(): Held {
    const held = this.#held;
    for (const { key, now } of this.#staged) {
      if (now === null) held.programmed.delete(key);
      else held.programmed.set(key, now);
    }
    this.#shared.done();
    this.#needs.done();
    return this.keepsChains ? held : { ...held, variant: this.#variant };
  }
}

/** Makes transactions, one at a time, in memory that is used again. */
export class Transactions {
  readonly #batch = new Batch();
  readonly #lists = new ElementLists();

  of(pieces: readonly RenderedPiece[], held: Held, settings: RuleSettings): Transaction {
    this.#batch.clear();
    return new Transaction(this.#batch, this.#lists, pieces, held, settings);
  }
}

/** All pieces as one; most changes are one. */
function joined(pieces: readonly RenderedPiece[]): RenderedPiece {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  return {
    staged: pieces.flatMap(({ staged }) => staged),
    before: pieces.flatMap(({ before }) => before),
    after: pieces.flatMap(({ after }) => after),
  };
}

const noElements: readonly PlacedElement[] = Object.freeze([]);

function sharedChange(
  { shared }: Held,
  before: readonly PlacedElement[],
  after: readonly PlacedElement[],
): UseChange<PlacedElement> {
  if (before.length + after.length === 0) return shared.after(noElements, noElements);
  return shared.after(...withoutEqual(before.filter(isShared), after.filter(isShared)));
}

function ownDifference(
  before: readonly PlacedElement[],
  after: readonly PlacedElement[],
): Difference<PlacedElement> {
  if (before.length + after.length === 0) return noChanges;
  return difference(after.filter(isOwn), before.filter(isOwn), elementComparison);
}

/** Of one entry alone. */
function isOwn(placed: PlacedElement): boolean {
  return !isShared(placed);
}

const noChanges: Difference<never> = Object.freeze({ add: Object.freeze([]), remove: Object.freeze([]) });

function together<Item>(one: Difference<Item>, other: Difference<Item>): Difference<Item> {
  if (one.add.length + one.remove.length === 0) return other;
  return { add: [...one.add, ...other.add], remove: [...one.remove, ...other.remove] };
}

function needsAfter({ needs }: Held, staged: readonly StagedEntry[]): UseChange<Need> {
  let gone: Need[] | null = null;
  let come: Need[] | null = null;
  for (const { old, now } of staged) {
    const before = old === null ? nothingNeeded : needsOf(old.entry);
    const after = now === null ? nothingNeeded : needsOf(now.entry);
    if (before === after) continue;
    gone ??= [];
    come ??= [];
    gone.push(...before);
    come.push(...after);
  }
  return needs.after(gone ?? nothingNeeded, come ?? nothingNeeded);
}

/** The variant itself where it is the same. */
function variantAfter(
  { variant, needs }: Held,
  { add, remove }: Difference<Need>,
  { egress, networks }: RuleSettings,
): SkeletonVariant {
  const isSame =
    add.length + remove.length === 0 &&
    isSameEgress(variant.egress, egress) &&
    isSameNetworks(variant.networks, networks);
  if (isSame) return variant;
  const kept = needsIn(needs).filter((each) => !remove.includes(each));
  return { ...neededBy([...kept, ...add]), egress, networks };
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
