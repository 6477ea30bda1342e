import { Wake } from '../../base/wake.ts';
import type { NodeNatStatus } from '../../crds/node-nat.ts';
import type { NodeAccount } from './account.ts';
import { eventFacts } from './event-facts.ts';
import { EventRecorder } from './event-recorder.ts';
import { NodeNatWriter } from './node-nat-writer.ts';
import type { StatusParts } from './parts.ts';
import { NO_ROWS, type Rows, rowsOf } from './rows.ts';

/** Shortest time between two readings of the account, in milliseconds. */
const INTERVAL = 5_000;

export interface ClusterReporterParts extends StatusParts {
  /** Null while the source is being read or the kernel is behind the plan; `changed` is called afterwards. */
  readonly account: () => NodeAccount | null;
  readonly nodeStatus: boolean;
  readonly events: boolean;
}

/**
 * Writes the node's NodeNAT and Events. After a change it reads the agent's account immediately, then at most once in
 * an interval; changes in between are reported together. Failures of the API server only become findings.
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

  /** Events that wait, and those dropped because too many waited. */
  get events(): { readonly waiting: number; readonly dropped: number } {
    return this.#recorder.counts;
  }

  /** The account may have changed. Cheap; reads it synchronously if a reading is due. */
  changed(): void {
    this.#isStale = true;
    if (this.#isDue()) this.#look();
    else this.#wake.notify();
  }

  /** The uid of this node's Node; null: there is none. */
  nodeIs(uid: string | null): void {
    this.#writer.nodeIs(uid);
  }

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
      // A timer may end slightly early.
      while (!this.#isDue() && !signal.aborted) {
        await surroundings.sleep(this.#nextLook - surroundings.now(), signal);
      }
      // An incomplete account is read again after the next `changed`.
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
    // Before the first programming the facts are unknown.
    if (account.programmed !== null && this.#parts.events) this.#recorder.observe(eventFacts(rows));
  }
}

/** Rows written by an earlier agent. */
function rowsIn(status: NodeNatStatus | null): Rows {
  if (status === null) return NO_ROWS;
  const { bindings = [], conflicts = [], rejected = [] } = status;
  return { bindings, conflicts, rejected };
}
