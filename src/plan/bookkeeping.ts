import type { Notice } from '../model/finding.ts';

export class Tally<Name extends string> {
  readonly #counts = new Map<Name, number>();

  of(name: Name): number {
    return this.#counts.get(name) ?? 0;
  }

  add(name: Name): void {
    this.#counts.set(name, this.of(name) + 1);
  }

  take(name: Name): void {
    this.#counts.set(name, this.of(name) - 1);
  }
}

/** Number of remembered revisions; a reader that is further behind reads the whole plan. */
const JOURNAL_LENGTH = 64;

const NO_KEYS: ReadonlySet<string> = new Set();

/** Which keys changed in the last revisions. */
export class Journal {
  revision = 0;
  pending = new Set<string>();
  /** The keys of the last revisions, the newest last. */
  readonly #records: ReadonlySet<string>[] = [];

  /** Records the pending keys as a new revision; not those of the first, which are all: who knows nothing reads the whole plan. */
  seal(): void {
    if (this.revision > 0) this.#records.push(this.pending);
    this.revision++;
    if (this.#records.length > JOURNAL_LENGTH) this.#records.shift();
    this.pending = new Set();
  }

  changedSince(revision: number): ReadonlySet<string> | null {
    const count = this.revision - revision;
    if (count === 0) return NO_KEYS;
    if (count < 0 || count > this.#records.length) return null;
    if (count === 1) return this.#records.at(-1) ?? null;
    return new Set(this.#records.slice(-count).flatMap((keys) => [...keys]));
  }
}

export class NoticesByFragment {
  /** Grows whenever notices may have changed. */
  revision = 0;
  readonly #byName = new Map<string, readonly Notice[]>();

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  replace(name: string, notices: readonly Notice[]): void {
    if (!this.#byName.has(name) && notices.length === 0) return;
    this.revision++;
    if (notices.length > 0) this.#byName.set(name, notices);
    else this.#byName.delete(name);
  }

  *all(): IterableIterator<Notice> {
    for (const notices of this.#byName.values()) yield* notices;
  }
}
