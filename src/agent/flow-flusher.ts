import { Wake } from '../base/wake.ts';
import type { Report } from '../datapath/datapath.ts';
import { FlowJudge } from '../flows/judge.ts';
import { FAMILIES } from '../net/family.ts';
import { setContains } from '../net/ranges.ts';
import { ConntrackConnection } from '../wire/conntrack/connection.ts';
import { conntrackStatus } from '../wire/conntrack/entry.ts';
import type { FlowView } from '../wire/conntrack/flow-view.ts';
import { visitEveryFlow } from '../wire/conntrack/table.ts';
import type { AgentFacts } from './companion.ts';
import type { FlowMemory } from './flow-memory.ts';
import type { EgressOnChange } from './settings.ts';

/** Rest after a reading of the table, as a multiple of its duration. */
const REST = 9;
/** Milliseconds. */
const RETRY_AFTER = 5_000;
const FLUSH_CODE = 'KNAT_FLOWS_NOT_FLUSHED';

/**
 * After a change of pools, rules or bindings, ends the affected flows, so that the present plan translates their next
 * packet. Policy `flush` ends all of them, `keep` only those that never saw a reply and so are no connections yet
 * (docs/adr/0004). Flows that were stale before the change stay.
 */
export class FlowFlusher {
  readonly #agent: AgentFacts;
  readonly #memory: FlowMemory;
  readonly #policy: EgressOnChange;
  /** Changes since the last flush. */
  #changes = 0;
  /** Changes while no agent ran; null: none, or already handled. */
  #before: Report['changedSources'] = null;
  #isFormerUnknown = true;
  readonly #wake = new Wake();

  constructor(agent: AgentFacts, memory: FlowMemory, policy: EgressOnChange) {
    this.#agent = agent;
    this.#memory = memory;
    this.#policy = policy;
  }

  /** The plan in force translates some flows differently from the previous plan. */
  changed(): void {
    this.#changes++;
    this.#wake.notify();
  }

  /** The kernel was compared with the plan. The first comparison shows what changed while no agent ran. */
  compared({ gone, changedSources }: Pick<Report, 'gone' | 'changedSources'>): void {
    if (!this.#isFormerUnknown || gone === null) return;
    this.#isFormerUnknown = false;
    if (changedSources === null || FAMILIES.every((family) => changedSources[family].ranges.length === 0))
      return;
    this.#before = changedSources;
    this.#wake.notify();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#changes > 0 || this.#before !== null) await this.#attempt(signal);
      else await this.#wake.wait(null, signal);
    }
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const { logger, surroundings } = this.#agent;
    const start = surroundings.now();
    const changes = this.#changes;
    const before = this.#before;
    this.#changes = 0;
    this.#before = null;
    try {
      const deleted = await this.#flush(changes, before, signal);
      if (deleted > 0) logger.info({ deleted }, 'flows that a change affects were ended');
      this.#agent.findings.trouble(FLUSH_CODE, null);
      await surroundings.sleep(REST * (surroundings.now() - start), signal);
    } catch (error) {
      if (signal.aborted) return;
      this.#changes += changes;
      this.#before = before;
      const why = error instanceof Error ? error.message : String(error);
      this.#agent.findings.trouble(
        FLUSH_CODE,
        `flows that a change affects keep their old translation: ${why}`,
      );
      await surroundings.sleep(RETRY_AFTER, signal);
    }
  }

  /** Ends flows made stale by the last `changes` changes, or from `sources`; returns their number. */
  async #flush(changes: number, sources: Report['changedSources'], signal: AbortSignal): Promise<number> {
    const former = this.#memory.former().slice(0, changes);
    const before = former.at(-1);
    if (before === undefined && sources === null) return 0;
    const now = this.#memory.judge(former);
    const then =
      before === undefined
        ? null
        : new FlowJudge({ plan: before, former: [], node: this.#agent.planner.node });
    const isConcerned = (flow: FlowView) =>
      (sources !== null &&
        setContains(sources[flow.family], flow.original.src) &&
        now.leavesOtherwise(flow)) ||
      (then !== null && now.judge(flow).stale !== null && then.judge(flow).stale === null);
    const connection = new ConntrackConnection();
    let deleted = 0;
    try {
      await visitEveryFlow((flow) => {
        const isReplied = (flow.status & conntrackStatus.IPS_SEEN_REPLY) !== 0;
        if (isReplied && this.#policy === 'keep') return;
        if (isConcerned(flow) && connection.delete(flow.copy())) deleted++;
      }, signal);
    } finally {
      connection.close();
    }
    return deleted;
  }
}
