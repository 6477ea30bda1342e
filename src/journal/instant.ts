import type { Planner } from '../plan/planner.ts';
import { lossAfter } from './commits.ts';
import { type SegmentFile, segmentsIn } from './folder.ts';
import type { ChangeLine, Header } from './lines.ts';
import { readHeader, Segment } from './segment.ts';
import { ReplayedState } from './state.ts';

/** A moment that is asked for: milliseconds since the epoch, or a position, `SEGMENT.COMMIT`. */
export type Asked = { readonly at: number } | { readonly segment: number; readonly commit: number };

/** What was in force at a moment. */
export interface Instant {
  readonly planner: Planner;
  /** `12.345`: the 345th commit of segment 12; 0 is its first state. */
  readonly position: string;
  /** Milliseconds since the epoch: from when to when it was in force; null: it still is, or its end is not recorded. */
  readonly since: number;
  readonly until: number | null;
  /** What the reader has to know about it. */
  readonly notes: readonly string[];
}

/** The journal has nothing about the moment. */
export class NotRecorded extends Error {
  readonly code = 'KNAT_INVALID_INPUT';
  override readonly name = 'NotRecorded';
  readonly details = [];
}

/**
 * The state in force at a moment, rebuilt from the segment of that time. If the clock was set back, a time is the later
 * one of those that the clock showed; a position is exact. Rejects with NotRecorded.
 */
export async function instantAt(folder: string, asked: Asked): Promise<Instant> {
  const files = await segmentsIn(folder);
  const [first] = files;
  if (first === undefined) throw new NotRecorded(`${folder} has no journal`);
  const candidates =
    'at' in asked
      ? files.filter(({ startedAt }) => startedAt <= asked.at)
      : files.filter(({ number }) => number === asked.segment);
  let lost: string[] = [];
  for (const file of candidates.toReversed()) {
    const segment = await Segment.read(file);
    if (segment === null) continue;
    if (typeof segment === 'string') {
      lost = [`${segment}: what changed since ${timeText(file.startedAt)} is not known`, ...lost];
      continue;
    }
    const next = await nextOf(files, file);
    const instant = new Replay(segment, asked).run(next, await earlierTimes(files, file, asked));
    return { ...instant, notes: [...instant.notes, ...lost] };
  }
  if (candidates.length > 0) {
    throw new NotRecorded(lost.at(-1) ?? `${candidates.at(-1)?.path} was deleted meanwhile`);
  }
  throw new NotRecorded(
    'at' in asked
      ? `the journal begins at ${timeText(first.startedAt)}: what was in force before is not recorded`
      : `the journal has no segment ${asked.segment}: it has ${first.number} to ${files.at(-1)?.number}`,
  );
}

async function nextOf(files: readonly SegmentFile[], file: SegmentFile): Promise<Header | null> {
  const next = files[files.indexOf(file) + 1];
  return next === undefined ? null : await readHeader(next);
}

/** Times at which the clock was set back from after to before the moment. */
async function earlierTimes(
  files: readonly SegmentFile[],
  chosen: SegmentFile,
  asked: Asked,
): Promise<number[]> {
  if (!('at' in asked)) return [];
  const times: number[] = [];
  for (const file of files) {
    if (file.number > chosen.number || file.startedAt > asked.at) continue;
    const header = await readHeader(file);
    if (header?.because === 'clock' && header.lastAt !== null && header.lastAt > asked.at)
      times.push(header.at);
  }
  return times;
}

/** What comes after the last record of a process: another segment, or another process in the same segment. */
type Following = Pick<Header, 'at' | 'because' | 'why'>;

/** Reads a segment up to the moment. */
class Replay {
  readonly #segment: Segment;
  readonly #asked: Asked;
  readonly #state = new ReplayedState();
  #commit = 0;
  #since: number;
  #until: number | null = null;
  #time: number;
  #endedAt: number | null = null;
  #disturbed: string | null = null;
  /** Another process went on in this segment after the moment. */
  #restart: Following | null = null;

  constructor(segment: Segment, asked: Asked) {
    this.#segment = segment;
    this.#asked = asked;
    this.#since = segment.header.at;
    this.#time = segment.header.at;
  }

  run(next: Header | null, setBack: readonly number[]): Instant {
    this.#read();
    const isToEnd = this.#until === null && this.#restart === null;
    const loss = isToEnd ? lossAfter(this.#segment, this.#time, next) : null;
    if ('commit' in this.#asked && this.#asked.commit !== this.#commit) {
      const commits = `segment ${this.#segment.number} of the journal has ${this.#commit} commits`;
      throw new NotRecorded(loss === null ? commits : `${commits} that can be read: ${loss}`);
    }
    const following = this.#restart ?? next;
    return {
      planner: this.#state.planner(),
      position: `${this.#segment.number}.${this.#commit}`,
      since: this.#since,
      until: this.#until ?? (loss === null ? (following?.at ?? null) : null),
      notes: [...this.#notes(following, loss), ...setBack.map(setBackText)],
    };
  }

  #read(): void {
    let pending: ChangeLine[] = [];
    for (const line of this.#segment.lines()) {
      switch (line[0]) {
        case 'c':
        case 'n':
          pending.push(line);
          break;
        case '=':
          this.#time += line[1];
          if (this.#isAfter(this.#time)) {
            this.#until = this.#time;
            return;
          }
          for (const change of pending) this.#state.change(change);
          pending = [];
          this.#commit++;
          this.#since = this.#time;
          break;
        case 'e':
          this.#time += line[1];
          if ('at' in this.#asked && this.#time <= this.#asked.at) this.#note(line[2].kind, line[2].message);
          break;
        case 'end':
          this.#time += line[1];
          this.#endedAt = this.#time;
          break;
        case 'start':
          if (this.#isAfter(this.#time + line[1])) {
            this.#restart = { at: this.#time + line[1], because: 'start', why: '' };
            return;
          }
          this.#time += line[1];
          this.#endedAt = null;
          this.#disturbed = null;
          break;
        default:
          this.#state.begin(line);
      }
    }
  }

  /** The commit or the start at this time comes after the moment. */
  #isAfter(time: number): boolean {
    return 'at' in this.#asked ? time > this.#asked.at : this.#commit === this.#asked.commit;
  }

  #note(kind: string, message: string): void {
    if (kind === 'disturbed' || kind === 'failed') this.#disturbed = message;
    if (kind === 'healed' || kind === 'recovered' || kind === 'programmed') this.#disturbed = null;
  }

  #notes(next: Following | null, loss: string | null): string[] {
    const notes: string[] = [];
    if (this.#disturbed !== null)
      notes.push(`at this time the kernel differed from the plan: ${this.#disturbed}`);
    if (this.#until !== null || !('at' in this.#asked)) return notes;
    if (loss !== null && this.#asked.at >= this.#time)
      notes.push(`${loss}: what changed since ${timeText(this.#time)} is not known`);
    if (this.#endedAt !== null && this.#asked.at >= this.#endedAt) {
      notes.push(`no agent ran: it ended at ${timeText(this.#endedAt)}, and its rules stayed in the kernel`);
    } else if (next !== null && this.#asked.at > this.#time) notes.push(...gapNotes(this.#time, next));
    return notes;
  }
}

/** About the time between the last record of a process and the next record. */
function gapNotes(last: number, header: Following): string[] {
  const span = `between ${timeText(last)} and ${timeText(header.at)}`;
  switch (header.because) {
    case 'start':
      return [
        `${span} the agent was killed; the last rules stayed in the kernel, but a change of the last second before may be missing`,
      ];
    case 'gap':
      return [
        `changes ${span} are not recorded (${header.why}): this is the last state that is known before`,
      ];
    default:
      return [];
  }
}

function setBackText(at: number): string {
  return `the clock was set back to ${timeText(at)}, so this time came twice: this is the later one (knat history has positions, which are exact)`;
}

export function timeText(at: number): string {
  return new Date(at).toISOString();
}
