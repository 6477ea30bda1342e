import type { BoundPod, PodRoutesReport } from '../../datapath/coexistence/pod-routes.ts';
import { findingOf } from '../../model/finding.ts';
import type { ObjectRef } from '../../model/object.ts';
import type { IpAddress } from '../../net/address.ts';
import { EntryIndex } from '../../plan/entry-index.ts';
import type { AgentFacts, Companion, CompanionFactory, PlanInForce } from '../companion.ts';
import { RuleKeeper, type WatchRules } from '../rule-keeper.ts';

export interface Routing {
  settle(pods: readonly BoundPod[], keepOthers: boolean): Promise<PodRoutesReport>;
}

/** Milliseconds between two looks without a notification, and before a failure is retried. */
const LOOK = 60_000;

const TROUBLE = 'KNAT_POD_ROUTES_FAILED';
const TORN = 'KNAT_POD_ROUTES_TORN';

/**
 * On hosts with several uplinks, routes packets from bound pods by the uplink that the administrator's rules name for
 * the binding's address.
 *
 * Guarantees:
 * 1. Nothing is written unless an administrator's rule names a table for such an address.
 * 2. If another program removes our rule, the next notification restores it.
 * 3. While objects have been unreadable since the start, no rule is removed.
 */
export function podRouting(routing: Routing, watchRules: WatchRules): CompanionFactory {
  return (agent) => new PodRoutingCompanion(agent, routing, watchRules);
}

class PodRoutingCompanion implements Companion {
  readonly name = 'routes of pods on hosts with several uplinks';
  readonly #agent: AgentFacts;
  readonly #routing: Routing;
  readonly #bound = new EntryIndex('PodBinding', 'PodSource');
  readonly #keeper: RuleKeeper;
  #keepOthers = true;

  constructor(agent: AgentFacts, routing: Routing, watch: WatchRules) {
    this.#agent = agent;
    this.#routing = routing;
    this.#keeper = new RuleKeeper({
      settle: () => this.#settle(),
      watch,
      sleeper: agent.surroundings,
      every: LOOK,
    });
  }

  converged({ plan, changed, keepsUnclaimed = false }: PlanInForce): void {
    const isNews = this.#bound.follow(plan, changed) || this.#keepOthers !== keepsUnclaimed;
    this.#keepOthers = keepsUnclaimed;
    if (isNews || changed === null) this.#keeper.due();
  }

  async inForce(signal: AbortSignal): Promise<void> {
    await this.#keeper.settle(signal);
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#keeper.run(signal);
  }

  async #settle(): Promise<void> {
    const { logger } = this.#agent;
    const owners = new Map<IpAddress, ObjectRef>();
    try {
      const { added, removed, torn } = await this.#routing.settle(this.#pods(owners), this.#keepOthers);
      if (added.length + removed.length > 0) {
        logger.info(
          { added, removed },
          'rules of policy routing follow the addresses that pods are bound to',
        );
      }
      this.#agent.findings.trouble(TROUBLE, null);
      this.#agent.findings.give(
        TORN,
        torn.map(({ address, ways }) =>
          findingOf(
            TORN,
            owners.get(address) ?? null,
            `it has bindings on addresses of different uplinks (${ways.join(', ')}), but routing only sees the pod's address ${address}: bind it to addresses of one uplink`,
          ),
        ),
      );
    } catch (error) {
      this.#agent.findings.trouble(TROUBLE, error instanceof Error ? error.message : String(error));
    }
  }

  /** Also adds the owner of each address to `owners`. */
  #pods(owners: Map<IpAddress, ObjectRef>): readonly BoundPod[] {
    const pods = new Map<IpAddress, Set<IpAddress>>();
    for (const entry of this.#bound.entries.values()) {
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
