import { Wake } from '../base/wake.ts';
import type { PortOwner } from '../forms/flows.ts';
import type { JournalAnswer } from '../forms/journal.ts';
import type { Line, WalkJson } from '../forms/walk.ts';
import { Journal, type JournalSettings } from '../journal/journal.ts';
import { Recorder } from '../journal/recorder.ts';
import type { Activity } from '../observe/activity.ts';
import { InvalidQuery } from '../observe/invalid-query.ts';
import { tryLock } from '../wire/file-lock.ts';
import type { AgentFacts } from './companion.ts';
import type { OwnerQuestion } from './past.ts';
import type { AskPast, PastQuestions } from './past-process.ts';

export interface HistorySettings extends JournalSettings {
  readonly ask: AskPast;
}

/** Milliseconds from the first change that is not written to the writing; what comes meanwhile is written together. */
const WRITE_AFTER = 1_000;
/** Milliseconds. */
const RETRY_AFTER = 30_000;
const CODE = 'KNAT_HISTORY';

/** What the journal knows by itself; it keeps all other recent activity. */
const KNOWN: ReadonlySet<Activity['kind']> = new Set(['started', 'synced', 'programmed']);
/** Characters of a message that are kept. */
const LONGEST = 300;

/** Records what is in force while the agent runs, off the loop of NAT, and answers about the past. */
export class AgentHistory {
  readonly #agent: AgentFacts;
  readonly #settings: HistorySettings;
  readonly #recorder: Recorder;
  readonly #journal: Journal;
  readonly #wake: Wake;
  #writing: Promise<void> | null = null;
  #lastEvent = '';
  /** The last that was written reached the disk. */
  #isTaken = true;

  constructor(agent: AgentFacts, settings: HistorySettings, version: string) {
    const { planner, surroundings, observations } = agent;
    this.#agent = agent;
    this.#settings = settings;
    this.#wake = new Wake(surroundings);
    this.#recorder = new Recorder(planner, () => this.#moment());
    const { plan: options } = agent.settings;
    this.#journal = new Journal({ ...settings, recorder: this.#recorder, options, version, tryLock });
    this.#tellMetrics();
    observations.activity.onAdd = (activity) => this.#noted(activity);
  }

  get recorder(): Recorder {
    return this.#recorder;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { surroundings } = this.#agent;
    while (!signal.aborted) {
      await this.#wake.wait(null, signal);
      await surroundings.sleep(WRITE_AFTER, signal);
      if (signal.aborted || (await this.#write())) continue;
      await surroundings.sleep(RETRY_AFTER, signal);
      this.#agent.attempt(); // what is in force then is a new beginning, although nothing may have changed
    }
    await this.#writing;
    await this.#journal.end(this.#moment()).catch(() => {}); // nobody is left to be told
  }

  converged(isPartial: boolean): void {
    // What is in the kernel between two parts of a change is neither the one state nor the other.
    if (!isPartial && this.#recorder.converged()) this.#wake.notify();
  }

  async explain(question: PastQuestions['explain']['question']): Promise<WalkJson> {
    return await this.#ask('explain', question);
  }

  async describe(question: PastQuestions['describe']['question']): Promise<readonly Line[]> {
    return await this.#ask('describe', question);
  }

  async entries(question: PastQuestions['history']['question']): Promise<JournalAnswer> {
    return await this.#ask('history', question);
  }

  async owners(question: OwnerQuestion): Promise<readonly PortOwner[]> {
    return await this.#ask('owners', question);
  }

  async #ask<About extends keyof PastQuestions>(about: About, question: PastQuestions[About]['question']) {
    if (!(await this.#write())) this.#wake.notify();
    await this.#journal.claim().catch((error: Error) => {
      throw new InvalidQuery(`this agent has no history: ${error.message}`); // and does not tell another's as its own
    });
    return await this.#settings.ask(about, this.#settings.folder, question);
  }

  /** False: the disk does not take it. After a failure nothing can be written before the next attempt of the loop. */
  async #write(): Promise<boolean> {
    while (this.#writing !== null) await this.#writing;
    if (!this.#recorder.isKnown) return this.#isTaken;
    let trouble: string | null = null;
    this.#writing = this.#journal.write().catch((error: unknown) => {
      trouble = error instanceof Error ? error.message : String(error);
    });
    await this.#writing;
    this.#writing = null;
    this.#isTaken = trouble === null;
    const message = trouble === null ? null : `the history is not written: ${trouble}`;
    this.#agent.findings.trouble(CODE, message);
    return this.#isTaken;
  }

  #noted({ kind, severity, message, object }: Activity): void {
    if (KNOWN.has(kind)) return;
    const event = { kind, severity, message: message.slice(0, LONGEST), object };
    const text = JSON.stringify(event);
    // A trouble that goes on is told once; what was ended is news each time.
    if (text === this.#lastEvent && kind !== 'connections-ended') return;
    this.#lastEvent = text;
    this.#recorder.happened(event);
    this.#wake.notify();
  }

  #tellMetrics(): void {
    const { metrics } = this.#agent.observations;
    metrics.collect('knat_history_bytes', (set) => {
      const { kept } = this.#journal;
      if (kept !== null) set({}, kept.bytes);
    });
    metrics.collect('knat_history_begin_timestamp_seconds', (set) => {
      const { kept } = this.#journal;
      if (kept !== null) set({}, kept.begins / 1000);
    });
    metrics.follow('knat_history_gaps_total', () => this.#journal.gaps);
  }

  #moment() {
    const { surroundings } = this.#agent;
    return { at: surroundings.wallClock().getTime(), steady: surroundings.now() };
  }
}
