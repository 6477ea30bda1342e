import { Wake } from '../../base/wake.ts';
import { onLimitReached } from '../../limits/reached.ts';
import { type LimitName, limits } from '../../limits/table.ts';
import { findingOf } from '../../model/finding.ts';
import type { AgentFacts, Companion, CompanionFactory } from '../companion.ts';

const CODE = 'KNAT_LIMIT_REACHED';
/** Milliseconds: how long a limit is told of after it was last reached, and between two looks. */
const TOLD_FOR = 600_000;
const LOOK = 1_000;

/** Tells the operator which limits are reached and what to do. Telling costs the same however often they are. */
export const reachedLimits: CompanionFactory = (agent) => new ReachedLimits(agent);

class ReachedLimits implements Companion {
  readonly name = 'telling of limits';
  readonly #agent: AgentFacts;
  /** When each was last reached, in milliseconds of the steady clock. */
  readonly #at = new Map<LimitName, number>();
  readonly #wake: Wake;

  constructor(agent: AgentFacts) {
    this.#agent = agent;
    this.#wake = new Wake(agent.surroundings);
  }

  async serve(signal: AbortSignal): Promise<void> {
    const { surroundings } = this.#agent;
    const end = onLimitReached((name) => {
      if (limits[name].told.by !== 'finding') return;
      this.#at.set(name, surroundings.now());
      this.#wake.notify();
    });
    try {
      while (!signal.aborted) {
        this.#tell(surroundings.now());
        await this.#wake.wait(this.#at.size === 0 ? null : TOLD_FOR / 10, signal);
        await surroundings.sleep(LOOK, signal);
      }
    } finally {
      end();
    }
  }

  #tell(now: number): void {
    for (const [name, at] of this.#at) if (now - at >= TOLD_FOR) this.#at.delete(name);
    const names = [...this.#at.keys()].sort();
    this.#agent.findings.give(
      CODE,
      names.map((name) => findingOf(CODE, null, limitText(name))),
    );
  }
}

/** The same for every time that it is reached, since each new text is told. */
export function limitText(name: LimitName): string {
  const { most, unit, of, beyond, told } = limits[name];
  const remedy = told.by === 'finding' ? `. ${told.remedy}` : '';
  return `the limit ${name} was reached (${of}: at most ${most} ${unit}): ${beyond}${remedy}`;
}
