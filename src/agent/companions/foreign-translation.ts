import type { Difference } from '../../explain/others/differing.ts';
import type { AgentFacts, Companion, CompanionFactory, PlanInForce } from '../companion.ts';
import { foreignDifferences } from '../other-rules.ts';
import type { WatchRules } from '../rule-keeper.ts';
import { RuleKeeper } from '../rule-keeper.ts';

const CODE = 'KNAT_FOREIGN_SOURCE_NAT';

/** Milliseconds between two looks where legacy iptables, which does not notify of changes, may have rules. */
const LOOK = 60_000;
/** Rest after a look, as a multiple of its duration: looking takes at most 2 % of the time. */
const REST_PER_WORK = 50;

/**
 * Reports other programs that translate packets of pods otherwise than the plan: flannel masquerades what a disabled pool
 * exempts. Looks again when rules of others or pools change. Changes nothing.
 */
export function foreignTranslation(watch: WatchRules): CompanionFactory {
  return (agent) => new ForeignTranslation(agent, watch);
}

class ForeignTranslation implements Companion {
  readonly name = 'other programs that translate';
  readonly #agent: AgentFacts;
  readonly #keeper: RuleKeeper;

  constructor(agent: AgentFacts, watch: WatchRules) {
    this.#agent = agent;
    this.#keeper = new RuleKeeper({
      settle: async () => await this.#look(),
      watch,
      sleeper: agent.surroundings,
      every: LOOK,
      restPerWork: REST_PER_WORK,
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#keeper.run(signal);
  }

  converged({ changed }: PlanInForce): void {
    if (changed === null || [...changed].some((key) => key.startsWith('scope '))) this.#keeper.due();
  }

  async #look(): Promise<void> {
    const { planner, findings, logger } = this.#agent;
    try {
      findings.trouble(CODE, told(await foreignDifferences(planner)));
    } catch (error) {
      // Without rights nothing is programmed either; everything else is tried again at the next change.
      logger.debug({ err: error }, 'rules of other programs could not be examined');
    }
  }
}

/** Differences that are written in one finding. */
const MOST_TOLD = 3;

function told(differences: readonly Difference[]): string | null {
  if (differences.length === 0) return null;
  const texts = differences.slice(0, MOST_TOLD).map(({ message, remedy }) => `${message}. Remedy: ${remedy}`);
  const left = differences.length - texts.length;
  return [...texts, ...(left > 0 ? [`and ${left} more`] : [])].join('; ');
}
