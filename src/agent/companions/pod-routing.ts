import type { BoundPod, PodRoutesReport } from '../../datapath/coexistence/pod-routes.ts';
import type { ObjectRef } from '../../model/object.ts';
import type { Problem } from '../../model/problem.ts';
import type { IpAddress } from '../../net/address.ts';
import type { PodBinding, PodSource } from '../../plan/entry.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import type { AgentFacts, Companion, CompanionFactory, Outcome } from '../companion.ts';

/** The rules of policy routing of this host. */
export interface Routing {
  settle(pods: readonly BoundPod[], keepOthers: boolean): Promise<PodRoutesReport>;
}

/** Calls back when somebody changed a rule, or may have. Returns how to stop. */
export type WatchRules = (onChange: () => void) => () => void;

/** Programs that change rules do so in bursts: milliseconds that are waited for the rest. */
const BURST = 100;
/** Looked at all the same after this many milliseconds: what failed is tried again. */
const LOOK = 60_000;

const TROUBLE = 'KNAT_POD_ROUTES_FAILED';
const TORN = 'KNAT_POD_ROUTES_TORN';

/** What of the plan says that a pod leaves with an address of the node. */
type Bound = PodBinding | PodSource;

/**
 * Sees to it that what bound pods send leaves by the uplink that the administrator's rules name for the address they are
 * bound to, on hosts with several uplinks.
 *
 * Guarantees:
 * 1. Nothing is written where no rule of the administrator names a table for such an address.
 * 2. What somebody takes away is back after the next notification.
 * 3. What cannot be read at the start takes no rule away.
 */
export function podRouting(routing: Routing, watchRules: WatchRules): CompanionFactory {
  return (agent) => new PodRoutingCompanion(agent, routing, watchRules);
}

class PodRoutingCompanion implements Companion {
  readonly name = 'routes of pods on hosts with several uplinks';
  readonly #agent: AgentFacts;
  readonly #routing: Routing;
  readonly #watchRules: WatchRules;
  readonly #bound = new Map<string, Bound>();
  #revision: number | null = null;
  #keepOthers = true;
  #isDue = false;
  #wake: () => void = () => {};
  #lastTurn: Promise<void> = Promise.resolve();

  constructor(agent: AgentFacts, routing: Routing, watchRules: WatchRules) {
    this.#agent = agent;
    this.#routing = routing;
    this.#watchRules = watchRules;
  }

  /** Follows the bindings, at the cost of what changed. */
  converged({ plan, report, keepsUnclaimed = false }: Outcome): void {
    const changed = this.#revision === null ? null : plan.changedSince(this.#revision);
    this.#revision = report.revision;
    let isNews = this.#keepOthers !== keepsUnclaimed;
    this.#keepOthers = keepsUnclaimed;
    if (changed === null) {
      this.#bound.clear();
      for (const entry of plan.entries()) this.#note(entry.key, plan);
      isNews = true;
    } else for (const key of changed) isNews = this.#note(key, plan) || isNews;
    if (isNews) this.#due();
  }

  async inForce(signal: AbortSignal): Promise<void> {
    await this.#settle(signal);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { sleep } = this.#agent.surroundings;
    const stop = this.#watchRules(() => this.#due());
    try {
      while (!signal.aborted) {
        if (!this.#isDue) await this.#sleepUntilDue(signal);
        if (signal.aborted) return;
        if (this.#isDue) await sleep(BURST, signal);
        if (!signal.aborted && this.#revision !== null) await this.#settle(signal);
        this.#isDue = false;
      }
    } finally {
      stop();
    }
  }

  #note(key: string, plan: NatPlan): boolean {
    const entry = plan.entry(key);
    if (entry?.kind !== 'PodBinding' && entry?.kind !== 'PodSource') return this.#bound.delete(key);
    this.#bound.set(key, entry);
    return true;
  }

  #due(): void {
    this.#isDue = true;
    this.#wake();
  }

  async #sleepUntilDue(signal: AbortSignal): Promise<void> {
    const early = new AbortController();
    this.#wake = () => early.abort();
    await this.#agent.surroundings.sleep(LOOK, AbortSignal.any([signal, early.signal]));
    this.#wake = () => {};
  }

  /** One at a time: two that find no rule would both make one. */
  async #settle(signal: AbortSignal): Promise<void> {
    const turn = this.#lastTurn.then(() => this.#settleNow(signal));
    this.#lastTurn = turn;
    await turn;
  }

  async #settleNow(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { logger } = this.#agent;
    const owners = new Map<IpAddress, ObjectRef>();
    try {
      this.#isDue = false;
      const { added, removed, torn } = await this.#routing.settle(this.#pods(owners), this.#keepOthers);
      if (added.length + removed.length > 0) {
        logger.info(
          { added, removed },
          'rules of policy routing follow the addresses that pods are bound to',
        );
      }
      this.#agent.sideProblem(TROUBLE, null);
      this.#agent.objectProblems(
        TORN,
        torn.map(
          ({ address, ways }): Problem => ({
            code: TORN,
            severity: 'warning',
            origin: '',
            object: owners.get(address) ?? null,
            field: '',
            message: `the addresses that it is bound to leave by different uplinks (${ways.join(', ')}), and routing sees the pod's address ${address} alone: bind it to addresses of one uplink`,
          }),
        ),
      );
    } catch (error) {
      this.#agent.sideProblem(TROUBLE, error instanceof Error ? error.message : String(error));
    }
  }

  /** The pods by their addresses; `owners` is told whose each is. */
  #pods(owners: Map<IpAddress, ObjectRef>): readonly BoundPod[] {
    const pods = new Map<IpAddress, Set<IpAddress>>();
    for (const entry of this.#bound.values()) {
      const [address, bound] =
        entry.kind === 'PodBinding'
          ? [entry.endpoint.address, entry.tuple.address]
          : [entry.address, entry.snat];
      owners.set(address, entry.owner);
      const known = pods.get(address);
      if (known === undefined) pods.set(address, new Set([bound]));
      else known.add(bound);
    }
    return [...pods].map(([address, bound]) => ({ address, bound }));
  }
}
