import type { Routes } from '../observe/api/routes.ts';
import type { Logger } from '../observe/logger.ts';
import type { Companion } from './companion.ts';

/** All companions. An error in one is logged; NAT and the others continue. */
export class Companions {
  readonly #logger: Logger;
  #companions: readonly Companion[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The companions that are called from now on. */
  set(companions: readonly Companion[]): void {
    this.#companions = companions;
  }

  /** What they add to the API. */
  get routes(): Routes[] {
    return this.#companions.flatMap(({ routes }) => (routes === undefined ? [] : [routes]));
  }

  tell(tell: (companion: Companion) => void): void {
    for (const companion of this.#companions) {
      try {
        tell(companion);
      } catch (error) {
        this.#failed(companion, error);
      }
    }
  }

  /** Starts `serve` or `run` of all companions, and does not wait for them. */
  start(what: 'serve' | 'run', signal: AbortSignal): void {
    for (const companion of this.#companions) {
      const work = async () => await companion[what]?.(signal);
      void work().catch((error: unknown) => this.#failed(companion, error));
    }
  }

  /** Calls `inForce` of the companions one after the other; returns the first failure, null for none. */
  async inForce(signal: AbortSignal): Promise<unknown> {
    let failure: unknown = null;
    for (const companion of this.#companions) {
      try {
        await companion.inForce?.(signal);
      } catch (error) {
        if (signal.aborted) break;
        failure ??= error;
        this.#failed(companion, error);
      }
    }
    return failure;
  }

  #failed({ name }: Companion, error: unknown): void {
    this.#logger.error({ err: error }, `an error inside knat; NAT goes on: ${name}`);
  }
}
