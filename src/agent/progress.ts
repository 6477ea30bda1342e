import type { Report } from '../datapath/datapath.ts';
import type { Status } from '../forms/status.ts';
import type { HealthFacts } from '../observe/health.ts';

/** What the kernel last had, and when: for status and health. */
export class Progress {
  readonly #wallClock: () => Date;
  readonly startedAt: string;
  /** Null: nothing was written yet. */
  programmed: Status['programmed'] = null;
  /** Why the kernel does not match the plan; null: it matches, or no attempt was made. */
  failure: Status['failure'] = null;
  /** Revision of the plan that the datapath last reported as done; null before the first. */
  reportedRevision: number | null = null;
  failuresInARow = 0;
  /** Since when an earlier agent's rules are known to be in the kernel; null: they are not. */
  takenOverAt: number | null = null;
  /** Milliseconds since the epoch: the last match, and the beginning of the present attempt. */
  #matchedAt: number | null = null;
  #convergingSince: number | null = null;

  constructor(wallClock: () => Date) {
    this.#wallClock = wallClock;
    this.startedAt = wallClock().toISOString();
  }

  began(): void {
    this.#convergingSince = this.#now();
  }

  /** The kernel matches. */
  succeeded(
    { elementsAdded, elementsDeleted, skeleton, revision, compared }: Report,
    milliseconds: number,
  ): void {
    if (elementsAdded + elementsDeleted > 0 || skeleton !== 'kept' || this.programmed === null) {
      const at = this.#wallClock().toISOString();
      this.programmed = { revision, skeleton, elementsAdded, elementsDeleted, compared, at, milliseconds };
    }
    this.failure = null;
    this.failuresInARow = 0;
    this.reportedRevision = revision;
    this.#matchedAt = this.#now();
    this.#convergingSince = null;
  }

  failed(message: string): void {
    this.failure ??= { message, since: this.#wallClock().toISOString() };
    this.failuresInARow++;
    this.#convergingSince = null;
  }

  health(): Omit<HealthFacts, 'synced' | 'nodeEligible'> {
    return {
      now: this.#now(),
      programmedAt: this.#matchedAt,
      takenOverAt: this.takenOverAt,
      failingSince: this.failure === null ? null : Date.parse(this.failure.since),
      convergingSince: this.#convergingSince,
    };
  }

  #now(): number {
    return this.#wallClock().getTime();
  }
}
