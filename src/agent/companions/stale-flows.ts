import { Wake } from '../../base/wake.ts';
import { FlowChangeNotes, type FlowChanges } from '../../datapath/conntrack/flow-changes.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import type { AgentFacts, Companion, PlanInForce } from '../companion.ts';

/** Deletes conntrack entries that changes of the plan made stale; returns their number. */
export interface StaleFlows {
  /** Yields to other work in between. */
  clean(plan: Pick<NatPlan, 'entry' | 'entryAt'>, changes: FlowChanges, signal: AbortSignal): Promise<number>;
  /** Does not yield. */
  cleanAtOnce(plan: Pick<NatPlan, 'entry' | 'entryAt'>, changes: FlowChanges): number;
}

/** Rest after a reading, as a multiple of its duration: at most a hundredth of a processor is used. */
const REST = 99;
/**
 * Least rest in milliseconds. Even an empty table costs the kernel a walk over all its buckets (2 to 5 ms for 262,144), in
 * which no change is programmed.
 */
const LEAST_REST = 250;
/** A reading that takes long uses more, at most a tenth of a processor, rather than rest for longer than this. */
const SHORT_REST = 1_000;
const SHORTER = 9;
/** Longest rest in milliseconds: a reading lasts seconds when others need the processor, and new stale flows wait for the next. */
const LONGEST_REST = 5_000;
/** Milliseconds. */
const RETRY_AFTER = 5_000;

/**
 * Deletes flows that a change made stale, so that UDP clients that keep their source port, and clients that repeat a
 * SYN or an INIT, reach the present endpoints. Reads the conntrack table outside the loop of NAT. Changes during a
 * reading or the rest after it are handled together by the next reading.
 */
export class StaleFlowCompanion implements Companion {
  readonly name = 'stale flows';
  readonly #agent: AgentFacts;
  readonly #flows: StaleFlows;
  readonly #notes = new FlowChangeNotes();
  #current: FlowChanges | null = null;
  #reading: Promise<boolean> | null = null;
  readonly #wake = new Wake();

  constructor(agent: AgentFacts, flows: StaleFlows) {
    this.#agent = agent;
    this.#flows = flows;
  }

  converged({ plan, changed, report }: PlanInForce): void {
    const { localAddresses } = this.#agent.planner.node;
    this.#notes.note(
      plan,
      changed,
      report,
      localAddresses.map(({ address }) => address),
    );
    if (!this.#notes.isEmpty) this.#wake.notify();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { now, sleep } = this.#agent.surroundings;
    // Does not yield: the process is ending, and the next agent cannot know what changed.
    signal.addEventListener('abort', () => this.#finish());
    while (!signal.aborted) {
      if (this.#notes.isEmpty) {
        await this.#wake.wait(null, signal);
        continue;
      }
      const start = now();
      const isDone = await this.attempt(signal);
      await sleep(isDone ? restAfter(now() - start) : RETRY_AFTER, signal);
    }
  }

  async inForce(signal: AbortSignal): Promise<void> {
    await this.attempt(signal);
  }

  /** Handles the noted changes, or waits for the reading in progress. False when that failed. */
  async attempt(signal: AbortSignal): Promise<boolean> {
    this.#reading ??= this.#read(signal).finally(() => {
      this.#reading = null;
    });
    return await this.#reading;
  }

  async #read(signal: AbortSignal): Promise<boolean> {
    const changes = this.#notes.take();
    if (changes === null) return true;
    this.#current = changes;
    try {
      this.#deleted(await this.#flows.clean(this.#agent.planner.plan, changes, signal));
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      this.#notes.add(changes);
      this.#failed(error);
      return false;
    } finally {
      this.#current = null;
    }
  }

  #finish(): void {
    if (this.#current !== null) this.#notes.add(this.#current);
    const changes = this.#notes.take();
    if (changes === null) return;
    try {
      this.#deleted(this.#flows.cleanAtOnce(this.#agent.planner.plan, changes));
    } catch (error) {
      this.#failed(error);
    }
  }

  #deleted(deleted: number): void {
    this.#agent.observations.metrics.increment('knat_stale_flows_deleted_total', {}, deleted);
    if (deleted > 0) this.#agent.logger.info({ deleted }, 'stale flows were deleted');
  }

  #failed(error: unknown): void {
    this.#agent.observations.metrics.increment('knat_stale_flow_failures_total', {});
    this.#agent.logger.warn({ err: error }, 'stale flows could not be deleted; it is tried again');
  }
}

/** Both in milliseconds. */
function restAfter(reading: number): number {
  const rest = Math.max(Math.min(REST * reading, SHORT_REST), SHORTER * reading, LEAST_REST);
  return Math.min(rest, LONGEST_REST);
}
