import { FlowChangeNotes } from '../../src/datapath/conntrack/flow-changes.ts';
import { StaleFlowCleaner } from '../../src/datapath/conntrack/stale-flow-cleaner.ts';
import type { ConvergeOptions, Report } from '../../src/datapath/datapath.ts';
import { NftablesDatapath } from '../../src/datapath/nftables/nftables-datapath.ts';
import type { Planner } from '../../src/plan/planner.ts';

const SIGNAL = new AbortController().signal;

/** Does to the kernel of this namespace what an agent does, step by step: the tables, and the flows that a change ends. */
export class ProgrammedNode {
  datapath = NftablesDatapath.open();
  readonly #flows = new StaleFlowCleaner();
  #notes = new FlowChangeNotes();
  #revision: number | null = null;

  async converge(planner: Planner, options: ConvergeOptions = {}): Promise<Report> {
    const plan = planner.update();
    const report = await this.datapath.converge(plan, SIGNAL, options);
    const own = planner.node.localAddresses.map((one) => one.address);
    const changed = this.#revision === null ? null : plan.changedSince(this.#revision);
    this.#revision = report.revision;
    this.#notes.note(plan, changed, report, own);
    const changes = this.#notes.take();
    if (changes !== null) await this.#flows.clean(plan, changes);
    return report;
  }

  /** Begins again like a new process. */
  restart(): void {
    this.datapath.close();
    this.datapath = NftablesDatapath.open();
    this.#notes = new FlowChangeNotes();
    this.#revision = null;
  }

  async end(): Promise<void> {
    await this.datapath.remove(SIGNAL);
    this.datapath.close();
    this.#flows.close();
  }
}
