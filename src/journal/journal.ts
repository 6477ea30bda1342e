import type { NodeFacts } from '../model/node.ts';
import type { PlanOptions } from '../plan/options.ts';
import { continuationOf } from './continuation.ts';
import { editOf } from './edit.ts';
import { type Kept, keepBelow, openFolder, segmentsIn } from './folder.ts';
import { FolderLock, FolderTaken, type TryLock } from './folder-lock.ts';
import { type Beginning, formatLine, type Line } from './lines.ts';
import type { Change, Commit, Item, Moment, Recorder, State } from './recorder.ts';
import { SegmentWriter } from './segment-writer.ts';

export interface JournalSettings {
  readonly folder: string;
  /** Bytes of all segments together. */
  readonly limit: number;
}

export interface JournalParts extends JournalSettings {
  readonly recorder: Recorder;
  readonly options: PlanOptions;
  /** Of knat. */
  readonly version: string;
  readonly tryLock: TryLock;
}

/** Characters of lines that are compressed and written together; the loop of NAT has its turn between them. */
const TOGETHER = 64 * 1024;
/** A segment is full when its changes take this many bytes, or twice its first state. */
const LEAST_FULL = 1 << 20;
const TOO_MANY = 'more changed at once than is recorded one by one';
/** Milliseconds by which a clock is corrected without being set. */
const CLOCK_TOLERANCE = 1_000;

interface OpenSegment {
  readonly writer: SegmentWriter;
  /** `breaks` of the recorder when it began. */
  readonly breaks: number;
  /** Bytes of the first state. */
  readonly stateBytes: number;
  node: NodeFacts;
  /** The last moment in it. */
  last: Moment;
}

/** Writes the journal: segments that begin with a state, and what changed after it. docs/adr/0025-journal.md. */
export class Journal {
  readonly #parts: JournalParts;
  readonly #lock: FolderLock;
  #open: OpenSegment | null = null;
  #isFirst = true;
  #gap: string | null = null;
  #lastAt: number | null = null;
  /** When the open segment began. */
  #kept: Kept | null = null;
  /** Bytes that the open segment, or the last one, had then. */
  #keptBytes = 0;
  #lastBytes = 0;
  /** How often changes were not recorded one by one. */
  gaps = 0;

  constructor(parts: JournalParts) {
    this.#parts = parts;
    this.#lock = new FolderLock(parts.tryLock);
  }

  /** What the folder holds; null before the first state is written. */
  get kept(): Kept | null {
    if (this.#kept === null) return null;
    const grown = (this.#open?.writer.bytes ?? this.#lastBytes) - this.#keptBytes;
    return { bytes: this.#kept.bytes + grown, begins: this.#kept.begins };
  }

  /**
   * Writes what the recorder has collected. Rejects if the disk does not take it; then nothing more is written until the
   * next call, which begins a segment that says what happened.
   */
  async write(): Promise<void> {
    try {
      await this.#write();
    } catch (error) {
      if (this.#gap === null) this.gaps++;
      this.#gap = error instanceof Error ? error.message : String(error);
      this.#parts.recorder.forget();
      await this.#close();
      throw error;
    }
  }

  /** The agent ends: writes the rest, and that this is the end. */
  async end(moment: Moment): Promise<void> {
    try {
      await this.write();
      const { last, writer } = this.#open ?? {};
      if (last !== undefined) await writer?.add(formatLine(['end', Math.max(0, moment.at - last.at)]));
    } finally {
      await this.close();
    }
  }

  /** Takes the folder for this agent, if there is one. Rejects with FolderTaken if another agent has it. */
  async claim(): Promise<void> {
    try {
      await this.#lock.hold(this.#parts.folder);
    } catch (error) {
      if (error instanceof FolderTaken) throw error;
      // What else is wrong with the folder is told where it is written or read.
    }
  }

  /** Closes what is open, as it is, and leaves the folder to others. */
  async close(): Promise<void> {
    await this.#close();
    await this.#lock.release();
  }

  async #write(): Promise<void> {
    const { recorder } = this.#parts;
    if (!recorder.isKnown) return;
    if (this.#open !== null && this.#open.breaks !== recorder.breaks) {
      await this.#close();
      if (this.#gap === null) this.gaps++;
      this.#gap = TOO_MANY;
    }
    let items = recorder.take();
    const [first] = items;
    if (first === undefined) return;
    if (this.#open === null && 'changes' in first) {
      items = items.slice(1);
      const isGoneOn = this.#isFirst && (await this.#goOn(first, first.node, items));
      if (!isGoneOn) await this.#begin(this.#isFirst ? 'start' : 'gap', first, first.node, items);
    }
    while (this.#open !== null) {
      items = await this.#writeItems(this.#open, items);
      const [later] = items;
      if (later === undefined) break;
      await this.#begin('clock', later, this.#open.node, items);
    }
    if (this.#open !== null && this.#isFull(this.#open)) {
      await this.#begin('full', this.#open.last, this.#open.node, []);
    }
  }

  #isFull({ writer, stateBytes }: OpenSegment): boolean {
    const most = Math.min(Math.max(LEAST_FULL, 2 * stateBytes), this.#parts.limit / 4);
    return writer.bytes - stateBytes > most;
  }

  /** Returns what belongs into a new segment, since the clock was set back before it. */
  async #writeItems(open: OpenSegment, items: readonly Item[]): Promise<readonly Item[]> {
    let lines = '';
    let left: readonly Item[] = [];
    for (const [index, item] of items.entries()) {
      const passed = item.at - open.last.at;
      if (passed < -CLOCK_TOLERANCE) {
        left = items.slice(index);
        break;
      }
      const since = Math.max(passed, 0);
      const line = 'event' in item ? formatLine(['e', since, item.event]) : commitLines(item, since, open);
      if (line === '') continue; // times count from line to line
      const jump = passed - (item.steady - open.last.steady);
      if (jump > 2 * CLOCK_TOLERANCE) lines += formatLine(['e', 0, clockEvent(jump)]);
      lines += line;
      open.last = { at: open.last.at + since, steady: item.steady };
      if (lines.length < TOGETHER) continue;
      await open.writer.add(lines);
      lines = '';
    }
    if (lines !== '') await open.writer.add(lines);
    return left;
  }

  /**
   * After a start: goes on with the newest segment, if it says nearly what is in force, so that an agent that starts again
   * and again does not fill the folder with states. False: it cannot be gone on with.
   */
  async #goOn(moment: Moment, node: NodeFacts, later: readonly Item[]): Promise<boolean> {
    const { recorder, folder } = this.#parts;
    const { breaks } = recorder;
    await openFolder(folder, this.#lock);
    const newest = (await segmentsIn(folder)).at(-1);
    if (newest === undefined) return false;
    try {
      const state = recorder.state(moment, node, later);
      const found = await continuationOf(newest, state, this.#parts).catch(() => null); // a new one begins
      if (recorder.breaks !== breaks) throw new Error(TOO_MANY); // what was read is not the state of one moment
      if (found === null || moment.at - found.last < -CLOCK_TOLERANCE) return false;
      const { stateBytes, bytes, lines, last } = found;
      const writer = await SegmentWriter.continue(folder, newest, bytes);
      const since = Math.max(moment.at - last, 0);
      await this.#opened({ writer, breaks, stateBytes, node, last: { ...moment, at: last + since } });
      await writer.add(
        [['start', since], ...lines, ['=', 0]].map((line) => formatLine(line as Line)).join(''),
      );
      return true;
    } finally {
      recorder.stateRead();
    }
  }

  /** Begins a segment with the state in force at a moment; `later`: what came into force after it. */
  async #begin(because: Beginning, moment: Moment, node: NodeFacts, later: readonly Item[]): Promise<void> {
    await this.#close();
    const { recorder, folder } = this.#parts;
    const { breaks } = recorder;
    const state = recorder.state(moment, node, later);
    const number = await openFolder(folder, this.#lock);
    const writer = await SegmentWriter.begin(folder);
    try {
      await this.#writeState(writer, state, because);
      if (recorder.breaks !== breaks) throw new Error(TOO_MANY); // what was read is not the state of one moment
      await writer.publish(number, Math.round(state.at));
    } catch (error) {
      await writer.close().catch(() => {});
      throw error;
    } finally {
      recorder.stateRead();
    }
    await this.#opened({ writer, breaks, stateBytes: writer.bytes, node, last: moment });
  }

  async #opened(open: OpenSegment): Promise<void> {
    const { folder, limit } = this.#parts;
    this.#isFirst = false;
    this.#open = open;
    this.#gap = null;
    this.#keptBytes = open.writer.bytes;
    this.#kept = await keepBelow(folder, Math.max(limit - limit / 4 - open.stateBytes, limit / 4));
  }

  async #writeState(writer: SegmentWriter, state: State, because: Beginning): Promise<void> {
    const { version, options } = this.#parts;
    const { at, node } = state;
    const header = { format: 1, version, at, because, why: this.#gap ?? '', lastAt: this.#lastAt } as const;
    await writer.add(formatLine(['journal', header])); // a frame of its own: it is read alone
    let lines = '';
    for (const [kind, key, fact] of state.facts()) {
      lines += formatLine(['fact', kind, key, fact]);
      if (lines.length < TOGETHER) continue;
      await writer.add(lines);
      lines = '';
    }
    lines += formatLine(['node', node]) + formatLine(['options', options]) + formatLine(['complete']);
    await writer.add(lines);
  }

  async #close(): Promise<void> {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    this.#lastAt = open.last.at;
    this.#lastBytes = open.writer.bytes;
    await open.writer.close().catch(() => {});
  }
}

function commitLines({ changes, node }: Commit, since: number, open: OpenSegment): string {
  const lines = [...merged(changes)].flatMap((change): Line[] => changeLine(change));
  const nodeEdit = editOf(open.node, node);
  open.node = node;
  if (nodeEdit !== null) lines.push(['n', nodeEdit]);
  if (lines.length === 0) return '';
  return [...lines, ['=', since] as const].map(formatLine).join('');
}

/** An object that changed several times has the fact before the first change and after the last. */
function merged(changes: readonly Change[]): Iterable<Change> {
  if (changes.length < 2) return changes;
  const byObject = new Map<string, Change>();
  for (const { change, before } of changes) {
    const id = `${change.kind} ${change.key}`;
    byObject.set(id, { change, before: (byObject.get(id) ?? { before }).before });
  }
  return byObject.values();
}

function changeLine({ change, before }: Change): Line[] {
  const { kind, key, fact, by } = change;
  const writer = by === undefined ? ([] as const) : ([by.manager, by.at] as const);
  if (fact === null) return before === null ? [] : [['c', kind, key, null, ...writer]];
  const edit = before === null ? ([fact] as const) : editOf(before, fact);
  return edit === null ? [] : [['c', kind, key, edit, ...writer]];
}

function clockEvent(milliseconds: number) {
  const seconds = Math.round(milliseconds / 1000);
  const message = `the clock went ${seconds} s forward at once: it was set, or the host slept`;
  return { kind: 'clock', severity: 'warning', message, object: null } as const;
}
