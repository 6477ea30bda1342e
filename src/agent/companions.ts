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

  /** Replaces the companions that are called. */
  set(companions: readonly Companion[]): void {
    this.#companions = companions;
  }

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

  /** Does not wait for them. */
  start(what: 'serve' | 'run', signal: AbortSignal): void {
    for (const companion of this.#companions) {
      const work = async () => await companion[what]?.(signal);
      void work().catch((error: unknown) => this.#failed(companion, error));
    }
  }

  /** Calls `inForce` one after the other; returns the first failure, or null. */
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
