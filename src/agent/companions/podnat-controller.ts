import type { ChainsFinding } from '../../datapath/coexistence/iptables-chains.ts';
import type { AgentFacts, Companion, CompanionFactory } from '../companion.ts';

export interface OldController {
  find(signal: AbortSignal): Promise<ChainsFinding>;
  remove(signal: AbortSignal): Promise<void>;
}

/** First and longest time between two looks, in milliseconds; doubled while chains are seen. */
const LOOK_FIRST = 10_000;
const LOOK_LONGEST = 600_000;

/** An agent removes the chains at most this often: if they return, a controller still runs. */
const REMOVALS = 3;

const CODE = 'KNAT_PODNAT_CONTROLLER_PRESENT';

/**
 * Ensures that only one program does Pod NAT.
 *
 * Guarantees:
 * 1. podnat-controller's chains are removed only once our rules are in force, so Pod NAT is never interrupted.
 * 2. While its chains exist, the status has a problem.
 * 3. After three removals a running controller is only reported.
 *
 * @param replace remove its chains, instead of only reporting them
 */
export function podnatController(old: OldController, replace: boolean): CompanionFactory {
  return (agent) => new TakeOver(agent, old, replace);
}

class TakeOver implements Companion {
  readonly name = 'podnat-controller is not looked for';
  readonly #agent: AgentFacts;
  readonly #old: OldController;
  readonly #replace: boolean;
  #removals = 0;
  #wasSeen = false;

  constructor(agent: AgentFacts, old: OldController, replace: boolean) {
    this.#agent = agent;
    this.#old = old;
    this.#replace = replace;
  }

  async inForce(signal: AbortSignal): Promise<void> {
    const { logger } = this.#agent;
    const { unseen } = await this.#look(signal);
    for (const what of unseen) logger.warn(`cannot tell whether podnat-controller left chains: ${what}`);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { surroundings, logger } = this.#agent;
    let wait = LOOK_FIRST;
    while (!signal.aborted) {
      await surroundings.sleep(wait, signal);
      if (signal.aborted) return;
      try {
        // Nothing is removed before our rules are in force; `inForce` looks then.
        if (this.#agent.reportedRevision === null) continue;
        const { found } = await this.#look(signal);
        wait = found.length > 0 ? Math.min(wait * 2, LOOK_LONGEST) : Math.max(LOOK_FIRST, wait / 2);
      } catch (error) {
        if (!signal.aborted) logger.warn({ err: error }, 'looking for podnat-controller failed');
      }
    }
  }

  /** Removes the chains if allowed; returns what existed before. */
  async #look(signal: AbortSignal): Promise<ChainsFinding> {
    const { logger } = this.#agent;
    const finding = await this.#old.find(signal);
    const { found } = finding;
    if (found.length === 0) {
      if (this.#wasSeen) logger.info('nothing is left of podnat-controller');
      this.#wasSeen = false;
      this.#agent.findings.trouble(CODE, null);
      return finding;
    }
    this.#wasSeen = true;
    if (!this.#replace || this.#removals === REMOVALS) {
      this.#agent.findings.trouble(CODE, this.#words(found));
      return finding;
    }
    await this.#old.remove(signal);
    this.#removals++;
    const { found: left } = await this.#old.find(signal);
    logger.info({ removed: found, left }, 'took over from podnat-controller');
    this.#wasSeen = left.length > 0;
    this.#agent.findings.trouble(CODE, this.#removals === 1 && left.length === 0 ? null : this.#words(found));
    return finding;
  }

  #words(found: readonly string[]): string {
    const chains = found.join(', ');
    if (!this.#replace) {
      return `chains of podnat-controller are here too (${chains}): both do Pod NAT; let knat take over with --replace-podnat-controller, or leave pod out of --enable`;
    }
    const times = this.#removals === REMOVALS ? `; after ${REMOVALS} removals they are left alone` : '';
    return `podnat-controller still runs on this node and wrote its chains again (${chains})${times}: stop it`;
  }
}
