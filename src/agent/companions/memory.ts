import { Wake } from '../../base/wake.ts';
import type { AgentFacts, Companion, CompanionFactory, PlanInForce } from '../companion.ts';
import { giveMemoryBack } from '../garbage.ts';

/** Memory is given back after a converge with at least this many elements. */
const LARGE_CONVERGE = 10_000;

/** Milliseconds without a change, after which a collection delays nobody. */
const PAUSE = 500;
/** Pauses after which memory is given back although changes go on. */
const MOST_PAUSES = 60;

/** Gives memory back after the first converge and after every large one: the start and such changes leave much garbage. */
export const memory: CompanionFactory = (agent) => new Memory(agent.surroundings, giveMemoryBack);

export class Memory implements Companion {
  readonly name = 'memory is not given back';
  readonly #surroundings: Pick<AgentFacts['surroundings'], 'sleep'>;
  readonly #giveBack: () => Promise<void>;
  readonly #wake = new Wake();
  #isFirst = true;
  /** Deliveries and converges so far. */
  #events = 0;

  constructor(surroundings: Pick<AgentFacts['surroundings'], 'sleep'>, giveBack: () => Promise<void>) {
    this.#surroundings = surroundings;
    this.#giveBack = giveBack;
  }

  delivered(): void {
    this.#events++;
  }

  converged({ report: { elementsAdded, elementsDeleted } }: Pick<PlanInForce, 'report'>): void {
    this.#events++;
    if (this.#isFirst || elementsAdded + elementsDeleted >= LARGE_CONVERGE) this.#wake.notify();
    this.#isFirst = false;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!(await this.#wake.wait(null, signal))) continue;
      await this.#quiet(signal);
      if (!signal.aborted) await this.#giveBack();
    }
  }

  async #quiet(signal: AbortSignal): Promise<void> {
    for (let pauses = 0; pauses < MOST_PAUSES && !signal.aborted; pauses++) {
      const before = this.#events;
      await this.#surroundings.sleep(PAUSE, signal);
      if (this.#events === before) return;
    }
  }
}
