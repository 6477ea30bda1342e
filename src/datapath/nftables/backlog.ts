import { isEgressSourceKey } from '../../plan/entry-key.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import { isRange } from '../../plan/port-claims.ts';
import { nextTransaction, type Piece, piecesOf } from './pieces.ts';
import type { ProgrammedByKey } from './programmed-entries.ts';

/**
 * Changes that the last transaction had no room for. They are cut into pieces once: a step costs what it writes and a look at
 * what is left, however many steps there are.
 */
export class Backlog {
  readonly #keys = new Set<string>();
  /** The pieces of the keys, light ones first; null: not made yet. */
  #pieces: readonly Piece[] | null = null;

  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  /** Only these keys are left. */
  reset(keys: Iterable<string>): void {
    this.#keys.clear();
    for (const key of keys) this.#keys.add(key);
    this.#pieces = null;
  }

  /** Takes the pieces of the next transaction, from these keys and from those that are left. */
  next(
    plan: Pick<NatPlan, 'entry'>,
    changed: ReadonlySet<string>,
    programmed: Pick<ProgrammedByKey, 'get'>,
  ): readonly Piece[] {
    if (this.isEmpty && changed.size === 1) return piecesOf(plan, changed, programmed);
    const { now, later } = nextTransaction(this.#all(plan, changed, programmed), this.#keys);
    for (const { changes } of now) for (const { key } of changes) this.#keys.delete(key);
    if (later.length > 0 && changed.size > 0) {
      for (const { changes } of later) for (const { key } of changes) this.#keys.add(key);
    }
    if (later.length === 0) this.#keys.clear();
    this.#pieces = later;
    return now;
  }

  #all(
    plan: Pick<NatPlan, 'entry'>,
    changed: ReadonlySet<string>,
    programmed: Pick<ProgrammedByKey, 'get'>,
  ): readonly Piece[] {
    if (this.isEmpty) return piecesOf(plan, changed, programmed);
    if (this.#pieces === null || !this.#isApart(plan, changed, programmed)) {
      return piecesOf(plan, new Set([...changed, ...this.#keys]), programmed);
    }
    if (changed.size === 0) return this.#pieces;
    return [...piecesOf(plan, changed, programmed), ...this.#pieces];
  }

  /** None of these keys is left from before, or belongs into one piece with others. */
  #isApart(
    plan: Pick<NatPlan, 'entry'>,
    changed: ReadonlySet<string>,
    programmed: Pick<ProgrammedByKey, 'get'>,
  ): boolean {
    const ranges = this.#pieces?.some(({ hasRange }) => hasRange) ?? false;
    for (const key of changed) {
      if (this.#keys.has(key) || isEgressSourceKey(key)) return false;
      for (const entry of [programmed.get(key)?.entry, plan.entry(key)]) {
        if (entry !== undefined && (isRange(entry) || (ranges && 'tuple' in entry))) return false;
      }
    }
    return true;
  }
}
