import type { HistoryEntry, JournalAnswer } from '../forms/journal.ts';
import { deepEqual } from '../model/equal.ts';
import type { FactKind } from '../model/facts.ts';
import type { Planner } from '../plan/planner.ts';
import { commitsOf, LOSS, lossEvent, startedEvent } from './commits.ts';
import { type CommitToTell, commitEntry, eventEntry, follow } from './entries.ts';
import { Candidates, type HistoryFilter, isAbout } from './filter.ts';
import { type SegmentFile, segmentsIn } from './folder.ts';
import { type Asked, NotRecorded, timeText } from './instant.ts';
import type { Header, NotedEvent } from './lines.ts';
import { isWhole, Segment } from './segment.ts';
import { type Difference, ReplayedState } from './state.ts';

export interface HistoryQuestion extends HistoryFilter {
  readonly since: Asked | null;
  readonly until: Asked | null;
  readonly limit: number;
  /** Also which packets had another fate since. */
  readonly packets: boolean;
}

/** The newest entries that are asked for. Rejects with NotRecorded if there is no journal. */
export async function historyOf(folder: string, question: HistoryQuestion): Promise<JournalAnswer> {
  const files = await segmentsIn(folder);
  const [first] = files;
  if (first === undefined) throw new NotRecorded(`${folder} has no journal`);
  let items: HistoryEntry[] = [];
  let node = '';
  let isComplete = true;
  let next: Header | null = null;
  for (let at = files.length - 1; at >= 0; at--) {
    const file = files[at];
    if (file === undefined || isAfter(question.until, file)) continue;
    const segment = await Segment.read(file);
    if (segment === null) continue;
    const told =
      typeof segment === 'string'
        ? lost(file, segment)
        : new Telling(segment, question, await endBefore(files[at - 1], segment.header), next).entries();
    next = typeof segment === 'string' ? null : segment.header;
    node ||= told.node;
    items = [...told.items, ...items];
    const isEnough = items.length > question.limit;
    if (isEnough || told.isCut) isComplete = false;
    items = items.slice(-question.limit);
    if (isEnough || told.isCut || isBefore(question.since, file)) break;
  }
  return { node, begins: timeText(first.startedAt), items, isComplete };
}

/** All of the segment is after the moment. */
function isAfter(until: Asked | null, { number, startedAt }: SegmentFile): boolean {
  if (until === null) return false;
  return 'at' in until ? startedAt > until.at : number > until.segment;
}

/** Earlier segments are before the moment too. */
function isBefore(since: Asked | null, { number, startedAt }: SegmentFile): boolean {
  if (since === null) return false;
  return 'at' in since ? startedAt < since.at : number <= since.segment;
}

/** The last state of the segment before, if what changed between the two is recorded nowhere else. */
async function endBefore(file: SegmentFile | undefined, { because }: Header): Promise<ReplayedState | null> {
  if (file === undefined) return null;
  const isRecorded = because === 'full' || because === 'clock';
  if (isRecorded && (await isWhole(file))) return null;
  const segment = await Segment.read(file);
  if (segment === null || typeof segment === 'string') return null;
  const state = new ReplayedState();
  for (const _ of commitsOf(segment, state));
  return state;
}

interface Told {
  readonly items: HistoryEntry[];
  /** Some are left out because of the limit. */
  readonly isCut: boolean;
  /** Empty: not known. */
  readonly node: string;
}

function lost({ number, startedAt }: SegmentFile, damage: string): Told {
  const items = [eventEntry(`${number}.0`, startedAt, lossEvent(damage))];
  return { items, isCut: false, node: '' };
}

/** Tells what is asked for of one segment. */
class Telling {
  readonly #segment: Segment;
  readonly #question: HistoryQuestion;
  /** The last state of the segment before, if what changed between the two is recorded nowhere else. */
  readonly #before: ReplayedState | null;
  /** Of the segment after it. */
  readonly #next: Header | null;
  readonly #candidates: Candidates;

  constructor(
    segment: Segment,
    question: HistoryQuestion,
    before: ReplayedState | null,
    next: Header | null,
  ) {
    this.#segment = segment;
    this.#next = next;
    this.#question = question;
    this.#before = before;
    this.#candidates = new Candidates(question);
  }

  entries(): Told {
    const state = new ReplayedState();
    const wanted: (CommitToTell & { readonly commit: number })[] = [];
    let isCut = false;
    for (const { commit, at, differences, event } of commitsOf(this.#segment, state, this.#next)) {
      const isFirst = event === null && differences === null;
      const all = isFirst ? this.#beginning(state) : (differences ?? []);
      for (const { kind, key, after } of all) this.#candidates.note(kind, key, after);
      const noted = isFirst ? this.#begun() : event;
      const isAsked = noted !== null && (noted.kind === LOSS || this.#candidates.hasEvent(noted));
      if (!(isAsked || all.some((one) => this.#candidates.has(one)))) continue;
      if (!this.#isInSpan(at, commit) && noted?.kind !== LOSS) continue;
      const position = `${this.#segment.number}.${commit}`;
      wanted.push({ commit, position, at, differences: all, event: noted });
      if (wanted.length <= 2 * this.#question.limit) continue;
      wanted.splice(0, this.#question.limit);
      isCut = true;
    }
    if (wanted.length > this.#question.limit) isCut = true;
    const items = this.#tell(wanted.slice(-this.#question.limit));
    return { items, isCut, node: state.node?.nodeName ?? '' };
  }

  /** What changed since the segment before; the facts are noted too. */
  #beginning(state: ReplayedState): readonly Difference[] {
    for (const { kind, key, fact } of state.facts()) this.#candidates.note(kind, key, fact);
    return this.#before === null ? [] : differencesOf(this.#before, state);
  }

  #begun(): NotedEvent | null {
    const { because, why, version } = this.#segment.header;
    const info = { severity: 'info', object: null } as const;
    if (because === 'start') return startedEvent(version);
    if (because === 'gap') {
      return {
        ...info,
        kind: 'gap',
        severity: 'warning',
        message: `changes before this are not recorded one by one: ${why}`,
      };
    }
    return because === 'clock' ? { ...info, kind: 'clock', message: 'the clock was set back' } : null;
  }

  #isInSpan(at: number, commit: number): boolean {
    const { since, until } = this.#question;
    const position = { segment: this.#segment.number, commit };
    return (
      (since === null || !isEarlier(at, position, since)) && (until === null || !isLater(at, position, until))
    );
  }

  /** Reads the segment again, with a plan, for what the commits did. */
  #tell(wanted: readonly (CommitToTell & { readonly commit: number })[]): HistoryEntry[] {
    const byCommit = new Map(
      wanted.flatMap((one) => (one.differences.length > 0 ? [[one.commit, one]] : [])),
    );
    const effects = new Map<number, HistoryEntry>();
    const start = byCommit.get(0);
    if (start !== undefined) effects.set(0, commitEntry(start, this.#plannerBefore(), this.#question));
    const last = Math.max(...byCommit.keys(), 0);
    let planner: Planner | null = null;
    const state = new ReplayedState();
    if (last > 0) {
      for (const { commit, differences, event } of commitsOf(this.#segment, state)) {
        if (differences === null && event === null) planner = state.planner();
        if (differences === null || planner === null) continue;
        const told = byCommit.get(commit);
        if (told === undefined) follow(planner, differences);
        else effects.set(commit, commitEntry(told, planner, this.#question));
        if (commit === last) break;
      }
    }
    return wanted
      .map((one) => {
        const { position, at, event, commit } = one;
        if (one.differences.length > 0) return effects.get(commit) ?? commitEntry(one, null, this.#question);
        return event === null ? commitEntry(one, null, this.#question) : eventEntry(position, at, event);
      })
      .filter((entry) => entry.event?.kind === LOSS || isAbout(this.#question, entry));
  }

  #plannerBefore(): Planner | null {
    return this.#before?.planner() ?? null;
  }
}

function isEarlier(at: number, position: { segment: number; commit: number }, moment: Asked): boolean {
  if ('at' in moment) return at < moment.at;
  return (
    position.segment < moment.segment ||
    (position.segment === moment.segment && position.commit < moment.commit)
  );
}

function isLater(at: number, position: { segment: number; commit: number }, moment: Asked): boolean {
  if ('at' in moment) return at > moment.at;
  return (
    position.segment > moment.segment ||
    (position.segment === moment.segment && position.commit > moment.commit)
  );
}

function differencesOf(before: ReplayedState, after: ReplayedState): Difference[] {
  const differences: Difference[] = [];
  const seen = new Set<string>();
  const add = (kind: FactKind | null, key: string, from: unknown, to: unknown) => {
    if (!deepEqual(from, to)) differences.push({ kind, key, before: from, after: to, by: null });
  };
  for (const { kind, key, fact } of after.facts()) {
    seen.add(`${kind} ${key}`);
    add(kind, key, before.fact(kind, key), fact);
  }
  for (const { kind, key, fact } of before.facts())
    if (!seen.has(`${kind} ${key}`)) add(kind, key, fact, null);
  add(null, 'node', before.node, after.node);
  add(null, 'settings', before.options, after.options);
  return differences;
}
