import type { FactChange, FactKind } from '../../src/model/facts.ts';
import { type Finding, formatFinding } from '../../src/model/finding.ts';
import type { SourceSink } from '../../src/sources/source.ts';

/** A sink that records the present facts and every removal. */
export class Recorder implements SourceSink {
  readonly facts = new Map<string, FactChange['fact']>();
  readonly removed: string[] = [];
  /** Every change, as `Kind key`. */
  readonly applied: string[] = [];
  readonly #problems = new Map<string, readonly Finding[]>();
  /** Each problem when it was new, and each end of a trouble. */
  readonly log: string[] = [];
  isSynced = false;

  apply(changes: readonly FactChange[]): void {
    for (const { kind, key, fact } of changes) {
      const id = `${kind} ${key}`;
      this.applied.push(id);
      if (fact !== null) this.facts.set(id, fact);
      else if (this.facts.delete(id)) this.removed.push(id);
    }
  }

  report(origin: string, problems: readonly Finding[]): void {
    this.log.push(...problems.map((problem) => `${problem.severity}: ${formatFinding(problem)}`));
    if (problems.length === 0) this.#problems.delete(origin);
    else this.#problems.set(origin, problems);
  }

  restored(message: string): void {
    this.log.push(message);
  }

  synced(): void {
    if (this.isSynced) throw new Error('synced twice');
    this.isSynced = true;
  }

  /** Keys of a kind, sorted. */
  keys(kind: FactKind): string[] {
    const prefix = `${kind} `;
    const ids = [...this.facts.keys()].filter((id) => id.startsWith(prefix));
    return ids.map((id) => id.slice(prefix.length)).sort();
  }

  problems(): string[] {
    return [...this.#problems.values()].flat().map(formatFinding).sort();
  }
}

/** Waits until `read` returns the wanted value; throws the last value otherwise. */
export async function until<Value>(
  read: () => Value | Promise<Value>,
  isRight: (value: Value) => boolean,
  milliseconds = 25_000,
): Promise<Value> {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    const value = await read();
    if (isRight(value)) return value;
    if (Date.now() > deadline) throw new Error(`waited in vain; last: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
