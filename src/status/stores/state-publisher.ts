import { Wake } from '../../base/wake.ts';
import { Backoff } from '../../kube-api/backoff.ts';
import type { Surroundings } from '../../kube-api/surroundings.ts';
import type { PodBinding } from '../../plan/entry.ts';
import type { StoreOutcome } from '../store-outcome.ts';
import { isSameState, stateText } from './podnat-state.ts';
import type { StateStore } from './store.ts';

/** Shortest time between two writes, in milliseconds. */
const INTERVAL = 5_000;

/** First and longest wait after a failure, in milliseconds. */
const RETRY_FIRST = 500;
const RETRY_LONGEST = 60_000;

/** Milliseconds between comparisons of the store with what was written; times 1 to 1.25. */
const LOOK_AGAIN = 10 * 60_000;

export interface PublisherParts {
  readonly store: StateStore;
  readonly surroundings: Surroundings & { wallClock(): Date };
  /** The bindings in force; null while the kernel is behind the plan. */
  readonly bindings: () => readonly PodBinding[] | null;
  /** The text must not change while the trouble lasts; null: it is over. */
  readonly trouble: (message: string | null) => void;
  readonly outcome: (outcome: StoreOutcome) => void;
  readonly debug: (line: string) => void;
}

/**
 * Publishes the node's bindings in a store. Guarantees:
 * 1. An unchanged state is not written; changes within the interval are written together.
 * 2. No failure ends it; each is retried with growing, jittered waits and the newest bindings.
 * 3. A removed or edited state is restored, at the next change or within minutes.
 */
export class StatePublisher {
  readonly #parts: PublisherParts;
  readonly #wake: Wake;
  readonly #backoff: Backoff;
  /** The store's content; null: to be read. */
  #known: { readonly text: string | null } | null = null;
  #nextWrite = 0;

  constructor(parts: PublisherParts) {
    const { surroundings } = parts;
    this.#parts = parts;
    this.#wake = new Wake(surroundings);
    this.#backoff = new Backoff(RETRY_FIRST, RETRY_LONGEST, () => surroundings.random());
  }

  /** The kernel's bindings may have changed. */
  changed(): void {
    this.#wake.notify();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { surroundings, trouble, outcome, debug, store } = this.#parts;
    while (!signal.aborted) {
      const happened = await this.#wake.wait(LOOK_AGAIN * (1 + surroundings.random() / 4), signal);
      if (!happened) this.#known = null;
      for (let isDone = false; !isDone && !signal.aborted; ) {
        try {
          await this.#publish(signal);
          isDone = true;
          this.#backoff.reset();
          trouble(null);
        } catch (error) {
          if (signal.aborted) return;
          outcome('failed');
          this.#known = null;
          const message = error instanceof Error ? error.message : String(error);
          debug(`state: ${message}`);
          trouble(message.startsWith(store.name) ? message : `${store.name}: ${message}`);
          await surroundings.sleep(this.#backoff.next(), signal);
        }
      }
    }
  }

  async #publish(signal: AbortSignal): Promise<void> {
    const { store, surroundings, bindings, outcome } = this.#parts;
    // Before a plan is in force there is nothing to compare.
    if (bindings() === null) return;
    this.#known ??= { text: await store.read(signal) };
    const wait = this.#nextWrite - surroundings.now();
    if (wait > 0) await surroundings.sleep(wait, signal);
    const wanted = bindings();
    // Wait for a complete state.
    if (signal.aborted || wanted === null) return;
    const before = this.#known.text;
    const text = stateText(wanted, before, surroundings.wallClock().toISOString());
    if (!isSameState(before, text)) {
      this.#nextWrite = surroundings.now() + INTERVAL;
      await store.write(text, signal);
      outcome('written');
      this.#known = { text };
    }
    outcome('held');
  }
}
