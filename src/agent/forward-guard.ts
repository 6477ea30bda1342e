import type { ForwardReport } from '../datapath/coexistence/forward-chains.ts';
import { deepEqual } from '../model/equal.ts';
import type { ForwardDrop } from '../model/node.ts';
import { familyOf } from '../net/address.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import type { PodBinding } from '../plan/entry.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import type { AgentFacts, Companion, CompanionFactory, Outcome } from './companion.ts';
import type { HostFactSource } from './host-facts.ts';

/** The chains of this host that forwarded packets pass. */
export interface Forwarding {
  settle(wanted: ReadonlySet<Family>, mayWrite: boolean, signal: AbortSignal): Promise<ForwardReport>;
  hasLegacy(): boolean;
}

/** Calls back when somebody changed a chain in nf_tables, or may have. Returns how to stop. */
export type WatchChains = (onChange: () => void) => () => void;

/** Legacy iptables tells nobody of changes: milliseconds between two looks where it has rules. */
const LOOK = 10_000;
/** Programs that change chains do so in bursts: milliseconds that are waited for the rest. */
const BURST = 100;

const TROUBLE = 'KNAT_FORWARD_UNSEEN';

/**
 * Sees to it that what is bound to pods is not dropped on its way through this host, and tells where it is.
 *
 * Guarantees:
 * 1. Nothing is written before the plan is in force, nor for a family in which no pod has a binding.
 * 2. Nothing is written at all unless it may be.
 * 3. What somebody takes away is back after the next notification, or the next look.
 */
export class ForwardGuard implements HostFactSource {
  readonly #chains: Forwarding;
  readonly #watchChains: WatchChains;
  readonly #mayWrite: boolean;
  readonly #bindings: Readonly<Record<Family, Set<string>>> = { IPv4: new Set(), IPv6: new Set() };
  #revision: number | null = null;
  #drops: readonly ForwardDrop[] = [];
  #onChange: () => void = () => {};
  #trouble: (code: string, message: string | null) => void = () => {};
  #wake: () => void = () => {};
  #isDue = false;
  #lastTurn: Promise<void> = Promise.resolve();

  constructor(chains: Forwarding, watchChains: WatchChains, mayWrite: boolean) {
    this.#chains = chains;
    this.#watchChains = watchChains;
    this.#mayWrite = mayWrite;
  }

  current(): { readonly forwardDrops: readonly ForwardDrop[] } {
    return { forwardDrops: this.#drops };
  }

  watch(onChange: () => void, trouble: (code: string, message: string | null) => void): () => void {
    this.#onChange = onChange;
    this.#trouble = trouble;
    return () => {
      this.#onChange = () => {};
      this.#trouble = () => {};
    };
  }

  readonly companion: CompanionFactory = (agent): Companion => ({
    name: 'the FORWARD chains of the host',
    converged: (outcome) => this.#converged(outcome),
    inForce: (signal) => this.#settle(agent, signal),
    run: (signal) => this.#run(agent, signal),
  });

  /** Follows which families have bindings, at the cost of what changed. */
  #converged({ plan, report }: Outcome): void {
    const before = this.#wanted();
    const changed = this.#revision === null ? null : plan.changedSince(this.#revision);
    this.#revision = report.revision;
    if (changed === null) {
      for (const family of FAMILIES) this.#bindings[family].clear();
      for (const entry of plan.entries()) if (entry.kind === 'PodBinding') this.#add(entry);
    } else for (const key of changed) this.#follow(plan, key);
    if (changed === null || !deepEqual([...before], [...this.#wanted()])) this.#due();
  }

  #follow(plan: NatPlan, key: string): void {
    for (const family of FAMILIES) this.#bindings[family].delete(key);
    const entry = plan.entry(key);
    if (entry?.kind === 'PodBinding') this.#add(entry);
  }

  #add({ key, tuple }: PodBinding): void {
    this.#bindings[familyOf(tuple.address)].add(key);
  }

  #wanted(): ReadonlySet<Family> {
    return new Set(FAMILIES.filter((family) => this.#bindings[family].size > 0));
  }

  #due(): void {
    this.#isDue = true;
    this.#wake();
  }

  async #run(agent: AgentFacts, signal: AbortSignal): Promise<void> {
    const { sleep } = agent.surroundings;
    // While somebody listens the first, large programming takes longer.
    while (this.#revision === null && !signal.aborted) await this.#sleepUntilDue(agent, signal);
    if (signal.aborted) return;
    const stop = this.#watchChains(() => this.#due());
    try {
      this.#isDue = true;
      while (!signal.aborted) {
        if (!this.#isDue) await this.#sleepUntilDue(agent, signal);
        if (this.#isDue) await sleep(BURST, signal);
        else if (!this.#chains.hasLegacy()) continue;
        if (!signal.aborted) await this.#settle(agent, signal);
      }
    } finally {
      stop();
    }
  }

  async #sleepUntilDue({ surroundings }: AgentFacts, signal: AbortSignal): Promise<void> {
    const early = new AbortController();
    this.#wake = () => early.abort();
    await surroundings.sleep(LOOK, AbortSignal.any([signal, early.signal]));
    this.#wake = () => {};
  }

  /** One at a time: two that find no rule would both make one. */
  async #settle(agent: AgentFacts, signal: AbortSignal): Promise<void> {
    const turn = this.#lastTurn.then(() => this.#settleNow(agent, signal));
    this.#lastTurn = turn;
    await turn;
  }

  async #settleNow({ logger }: AgentFacts, signal: AbortSignal): Promise<void> {
    this.#isDue = false;
    try {
      const { drops, opened, closed } = await this.#chains.settle(this.#wanted(), this.#mayWrite, signal);
      for (const chain of opened)
        logger.info({ chain }, 'this chain drops: a rule of ours lets translated packets pass');
      for (const chain of closed) logger.info({ chain }, 'our rule in this chain is not needed any longer');
      this.#trouble(TROUBLE, null);
      if (deepEqual(drops, this.#drops)) return;
      this.#drops = drops;
      this.#onChange();
    } catch (error) {
      if (signal.aborted) return;
      this.#trouble(TROUBLE, error instanceof Error ? error.message : String(error));
    }
  }
}
