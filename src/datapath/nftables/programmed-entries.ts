import type { PlanEntry } from '../../plan/entry.ts';
import type { Programmed } from './slots.ts';

/** What the kernel is to hold, by the entries' keys. */
export interface ProgrammedByKey {
  get(key: string): Programmed | undefined;
  set(key: string, programmed: Programmed): unknown;
  delete(key: string): unknown;
  values(): Iterable<Programmed>;
}

/** Keeps an entry whose endpoints lie in their order, as most do, without an object around it: 40 bytes each. */
export class ProgrammedEntries implements ProgrammedByKey {
  readonly #byKey = new Map<string, PlanEntry | Programmed>();

  get(key: string): Programmed | undefined {
    const held = this.#byKey.get(key);
    return held === undefined ? undefined : asProgrammed(held);
  }

  set(key: string, programmed: Programmed): void {
    const isInOrder = programmed.order === null && programmed.localOrder === null;
    this.#byKey.set(key, isInOrder ? programmed.entry : programmed);
  }

  delete(key: string): void {
    this.#byKey.delete(key);
  }

  *values(): Generator<Programmed> {
    for (const held of this.#byKey.values()) yield asProgrammed(held);
  }
}

function asProgrammed(held: PlanEntry | Programmed): Programmed {
  return 'entry' in held ? held : { entry: held, order: null, localOrder: null };
}
