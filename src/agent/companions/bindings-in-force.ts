import { compareText } from '../../model/text.ts';
import type { PodBinding } from '../../plan/entry.ts';
import { EntryIndex } from '../../plan/entry-index.ts';
import type { PlanInForce } from '../companion.ts';

/** The Pod NAT bindings that the datapath last reported as done; following a change costs only what changed. */
export class BindingsInForce {
  readonly #index = new EntryIndex('PodBinding');
  /** Null: to be sorted again. */
  #sorted: readonly PodBinding[] | null = [];

  /** Must see every plan in force. */
  follow({ plan, changed }: Pick<PlanInForce, 'plan' | 'changed'>): void {
    if (this.#index.follow(plan, changed)) this.#sorted = null;
  }

  /** In the order of their keys. */
  get list(): readonly PodBinding[] {
    this.#sorted ??= [...this.#index.entries.values()].sort((a, b) => compareText(a.key, b.key));
    return this.#sorted;
  }
}
