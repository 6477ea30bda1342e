import { Wake } from '../../base/wake.ts';
import type { NodeNatStatus } from '../../crds/node-nat.ts';
import type { NodeAccount } from './account.ts';
import { eventFacts } from './event-facts.ts';
import { EventRecorder } from './event-recorder.ts';
import { NodeNatWriter } from './node-nat-writer.ts';
import type { StatusParts } from './parts.ts';
import { NO_ROWS, type Rows, rowsOf } from './rows.ts';

/** Shortest time between two looks at what the agent has done, in milliseconds. */
const INTERVAL = 5_000;

export interface ClusterReporterParts extends StatusParts {
  /**
   * What is to be told; null while that would be half of it: the source still reads, or the kernel is behind the
   * plan. `changed` is called when it is whole again.
   */
  readonly account: () => NodeAccount | null;
  readonly nodeStatus: boolean;
  readonly events: boolean;
}

/**
 * Tells the cluster what the agent has done: the NodeNAT of the node, and Events. It looks at the agent when that
 * says that something changed, at once, then not before the interval is over; what changes in between is told
 * together. Nothing that the API server does reaches the agent, beside a trouble to show.
 */
export class ClusterReporter {
  readonly #parts: ClusterReporterParts;
  readonly #writer: NodeNatWriter;
  readonly #recorder: EventRecorder;
  readonly #wake: Wake;
  #isOpen = false;
  #isStale = false;
  #nextLook = 0;

  constructor(parts: ClusterReporterParts) {
    this.#parts = parts;
    this.#writer = new NodeNatWriter(parts);
    this.#recorder = new EventRecorder(parts);
    this.#wake = new Wake(parts.surroundings);
  }

  /** Events that wait, and how many were left out because too many did. */
  get events(): { readonly waiting: number; readonly dropped: number } {
    return this.#recorder.counts;
  }

  /** What the agent has done may have changed. Cheap most of the time; looks at the agent before it returns when due. */
  changed(): void {
    this.#isStale = true;
    if (this.#isDue()) this.#look();
    else this.#wake.notify();
  }

  /** The Node of this node has this uid now; null: there is none. */
  nodeIs(uid: string | null): void {
    this.#writer.nodeIs(uid);
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { nodeStatus, events } = this.#parts;
    const before = await this.#writer.before(signal);
    if (signal.aborted) return;
    this.#recorder.known(eventFacts(rowsIn(before)));
    this.#isOpen = true;
    await Promise.all([
      this.#lookWhenDue(signal),
      ...(nodeStatus ? [this.#writer.run(signal)] : []),
      ...(events ? [this.#recorder.run(signal)] : []),
    ]);
  }

  async #lookWhenDue(signal: AbortSignal): Promise<void> {
    const { surroundings } = this.#parts;
    this.#look();
    while (!signal.aborted) {
      await this.#wake.wait(null, signal);
      // A timer may end a little early.
      while (!this.#isDue() && !signal.aborted) {
        await surroundings.sleep(this.#nextLook - surroundings.now(), signal);
      }
      // What is not whole now is looked at when the agent says so.
      if (this.#isStale) this.#look();
    }
  }

  #isDue(): boolean {
    return this.#isOpen && this.#parts.surroundings.now() >= this.#nextLook;
  }

  #look(): void {
    const account = this.#parts.account();
    if (account === null) return;
    this.#isStale = false;
    this.#nextLook = this.#parts.surroundings.now() + INTERVAL;
    const rows = rowsOf(account);
    this.#writer.want(account, rows);
    // Of an agent that has programmed nothing yet it is not known what is so.
    if (account.programmed !== null && this.#parts.events) this.#recorder.observe(eventFacts(rows));
  }
}

/** The rows that an earlier agent wrote. */
function rowsIn(status: NodeNatStatus | null): Rows {
  if (status === null) return NO_ROWS;
  const { bindings = [], conflicts = [], rejected = [] } = status;
  return { bindings, conflicts, rejected };
}
