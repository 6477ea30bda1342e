import type { ForwardReport, RemainingDrop } from '../datapath/coexistence/forward-chains.ts';
import { deepEqual } from '../model/equal.ts';
import { findingOf } from '../model/finding.ts';
import type { ObjectRef } from '../model/object.ts';
import { familyOf } from '../net/address.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import type { PodBinding } from '../plan/entry.ts';
import { EntryIndex } from '../plan/entry-index.ts';
import type { AgentFacts, Companion, CompanionFactory, PlanInForce } from './companion.ts';
import { RuleKeeper, type WatchRules } from './rule-keeper.ts';

export interface Forwarding {
  settle(wanted: ReadonlySet<Family>, mayWrite: boolean, signal: AbortSignal): Promise<ForwardReport>;
  hasLegacy(): boolean;
}

/** Milliseconds between two looks where legacy iptables, which does not notify of changes, has rules. */
const LOOK = 10_000;

const TROUBLE = 'KNAT_FORWARD_UNSEEN';
const BLOCKED = 'NatBlockedByFirewall';

/**
 * Keeps this host's FORWARD chains from dropping packets to bound pods, and reports the chains that do.
 *
 * Guarantees:
 * 1. Nothing is written before the plan is in force, nor for a family without bindings.
 * 2. Nothing is written without `mayWrite`.
 * 3. If another program removes our rule, the next notification or look restores it.
 *
 * @param mayWrite false: drops are only reported
 */
export function forwardGuard(
  chains: Forwarding,
  watchChains: WatchRules,
  mayWrite: boolean,
): CompanionFactory {
  return (agent) => new ForwardGuard(agent, chains, watchChains, mayWrite);
}

class ForwardGuard implements Companion {
  readonly name = 'the FORWARD chains of the host';
  readonly #agent: AgentFacts;
  readonly #chains: Forwarding;
  readonly #mayWrite: boolean;
  readonly #bindings = new EntryIndex('PodBinding');
  readonly #keeper: RuleKeeper;
  #wanted: ReadonlySet<Family> = new Set();
  #drops: readonly RemainingDrop[] = [];

  constructor(agent: AgentFacts, chains: Forwarding, watch: WatchRules, mayWrite: boolean) {
    this.#agent = agent;
    this.#chains = chains;
    this.#mayWrite = mayWrite;
    this.#keeper = new RuleKeeper({
      settle: (signal) => this.#settle(signal),
      watch,
      sleeper: agent.surroundings,
      every: LOOK,
      isPolled: () => chains.hasLegacy(),
    });
  }

  converged({ plan, changed }: PlanInForce): void {
    const isNews = this.#bindings.follow(plan, changed);
    if (changed !== null && !isNews) return;
    const before = this.#wanted;
    this.#wanted = new Set(FAMILIES.filter((family) => !this.#boundIn(family).next().done));
    if (changed === null || !deepEqual([...before], [...this.#wanted])) this.#keeper.due();
    if (this.#drops.length > 0) this.#tell();
  }

  async inForce(signal: AbortSignal): Promise<void> {
    await this.#keeper.settle(signal);
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#keeper.run(signal);
  }

  async #settle(signal: AbortSignal): Promise<void> {
    const { logger, findings } = this.#agent;
    try {
      const { drops, opened, closed } = await this.#chains.settle(this.#wanted, this.#mayWrite, signal);
      for (const chain of opened)
        logger.info({ chain }, 'this chain drops: a rule of ours lets translated packets pass');
      for (const chain of closed) logger.info({ chain }, 'our rule in this chain is no longer needed');
      findings.trouble(TROUBLE, null);
      this.#drops = drops;
      this.#tell();
    } catch (error) {
      if (signal.aborted) return;
      findings.trouble(TROUBLE, error instanceof Error ? error.message : String(error));
    }
  }

  *#boundIn(family: Family): Generator<PodBinding> {
    for (const entry of this.#bindings.entries.values()) {
      if (familyOf(entry.tuple.address) === family) yield entry;
    }
  }

  /** Gives each Pod with a binding of the family a notice for each chain that drops. */
  #tell(): void {
    const notices = this.#drops.flatMap(({ family, where, remedy }) => {
      const owners = new Map<string, ObjectRef>();
      for (const { uid, owner } of this.#boundIn(family)) owners.set(uid, owner);
      const message = `${where} drops what this host forwards (${family}): ${remedy}`;
      return [...owners.values()].map((owner) => findingOf(BLOCKED, owner, message));
    });
    this.#agent.findings.give(BLOCKED, notices);
  }
}
