import type { FactChange, FactKind } from '../model/facts.ts';
import type { NodeFacts } from '../model/node.ts';
import { defaultPlanOptions, type PlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { type Edit, edited } from './edit.ts';
import type { ChangeLine, StateLine } from './lines.ts';

type Fact = NonNullable<FactChange['fact']>;

/** A change of one object, or of the node or the settings (`null`), with the values before and after; null: none. */
export interface Difference {
  readonly kind: FactKind | null;
  readonly key: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly by: FactChange['by'] | null;
}

/** The state that is rebuilt while a segment is read: facts, node and settings. */
export class ReplayedState {
  readonly #facts = new Map<FactKind, Map<string, Fact>>();
  node: NodeFacts | null = null;
  options: PlanOptions = defaultPlanOptions;

  fact(kind: FactKind, key: string): Fact | null {
    return this.#facts.get(kind)?.get(key) ?? null;
  }

  put(kind: FactKind, key: string, fact: Fact | null): void {
    let facts = this.#facts.get(kind);
    if (facts === undefined) {
      facts = new Map();
      this.#facts.set(kind, facts);
    }
    if (fact === null) facts.delete(key);
    else facts.set(key, fact);
  }

  /** A line of the first state. */
  begin(line: StateLine): void {
    switch (line[0]) {
      case 'fact':
        this.put(line[1], line[2], line[3]);
        break;
      case 'node':
        this.node = line[1];
        break;
      case 'options':
        // What the version that wrote it did not know has its default.
        this.options = { ...defaultPlanOptions, ...line[1] };
        break;
      case 'complete':
        break;
      default:
        line satisfies never;
    }
  }

  change(line: ChangeLine): Difference {
    if (line[0] === 'n') {
      const before = this.node;
      this.node = edited(before, line[1]) as NodeFacts;
      return { kind: null, key: 'node', before, after: this.node, by: null };
    }
    const [, kind, key, edit, manager, at = null] = line;
    const before = this.fact(kind, key);
    const after = edit === null ? null : (edited(before, edit as Edit) as Fact);
    this.put(kind, key, after);
    return { kind, key, before, after, by: manager === undefined ? null : { manager, at } };
  }

  *facts(): Generator<FactChange> {
    for (const [kind, facts] of this.#facts) {
      for (const [key, fact] of facts) yield { kind, key, fact } as FactChange;
    }
  }

  /** The plan of this state. */
  planner(): Planner {
    if (this.node === null) throw new TypeError('the segment has no node');
    const planner = new Planner(this.node, this.options);
    planner.apply(this.facts());
    planner.update();
    return planner;
  }
}
