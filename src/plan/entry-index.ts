import type { PlanEntry } from './entry.ts';
import type { NatPlan } from './nat-plan.ts';

type Kind = PlanEntry['kind'];

/** The entries of some kinds of a changing plan, by key; following a change costs only what changed. */
export class EntryIndex<Of extends Kind> {
  readonly entries = new Map<string, Extract<PlanEntry, { kind: Of }>>();
  readonly #kinds: readonly Kind[];

  constructor(...kinds: Of[]) {
    this.#kinds = kinds;
  }

  /** True if an entry came, went or changed. @param changed keys since the last call; null: look at all */
  follow(plan: Pick<NatPlan, 'entry' | 'entries'>, changed: ReadonlySet<string> | null): boolean {
    let isNews = false;
    if (changed === null) {
      isNews = this.entries.size > 0;
      this.entries.clear();
      for (const entry of plan.entries()) isNews = this.#put(entry.key, entry) || isNews;
    } else for (const key of changed) isNews = this.#put(key, plan.entry(key)) || isNews;
    return isNews;
  }

  #put(key: string, entry: PlanEntry | undefined): boolean {
    if (entry === undefined || !this.#isOne(entry)) return this.entries.delete(key);
    this.entries.set(key, entry);
    return true;
  }

  #isOne(entry: PlanEntry): entry is Extract<PlanEntry, { kind: Of }> {
    return this.#kinds.includes(entry.kind);
  }
}
