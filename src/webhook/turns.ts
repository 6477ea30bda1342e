/** How much work may wait. */
export interface TurnLimits {
  readonly perSource: number;
  readonly total: number;
}

interface Waiting {
  readonly work: () => void;
}

/**
 * Lets pieces of work run one at a time, in turn by source: a source with much work waits for itself, not others for it.
 * Between two pieces the event loop does everything else.
 */
export class Turns {
  readonly #limits: TurnLimits;
  /** The source whose turn is next is first. */
  readonly #waiting = new Map<string, Waiting[]>();
  #count = 0;
  #isScheduled = false;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  get waiting(): number {
    return this.#count;
  }

  /** False: too much waits, and the work is not done. */
  take(source: string, work: () => void): boolean {
    const own = this.#waiting.get(source);
    if (this.#count >= this.#limits.total || (own?.length ?? 0) >= this.#limits.perSource) return false;
    if (own === undefined) this.#waiting.set(source, [{ work }]);
    else own.push({ work });
    this.#count++;
    this.#schedule();
    return true;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#next();
    });
  }

  #next(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const [source, queue] = first;
    const next = queue.shift();
    this.#waiting.delete(source);
    if (queue.length > 0) this.#waiting.set(source, queue);
    this.#count--;
    if (this.#count > 0) this.#schedule();
    next?.work();
  }
}
