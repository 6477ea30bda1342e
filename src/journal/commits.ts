import type { Header, NotedEvent } from './lines.ts';
import type { Segment } from './segment.ts';
import type { Difference, ReplayedState } from './state.ts';

export interface ReadCommit {
  readonly commit: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Null: the first state, or an event alone. */
  readonly differences: readonly Difference[] | null;
  /** What happened then, or with the commit. */
  readonly event: NotedEvent | null;
}

/**
 * Commits and events of a segment in order; when one is given, the state is that after it.
 * @param next header of the segment after it; null: none, or not known
 */
export function* commitsOf(
  segment: Segment,
  state: ReplayedState,
  next: Header | null = null,
): Generator<ReadCommit> {
  let pending: Parameters<ReplayedState['change']>[0][] = [];
  let started: NotedEvent | null = null;
  let at = segment.header.at;
  let commit = 0;
  for (const line of segment.lines()) {
    switch (line[0]) {
      case 'c':
      case 'n':
        pending.push(line);
        break;
      case 'start':
        at += line[1];
        started = startedEvent(segment.header.version);
        break;
      case '=': {
        at += line[1];
        const differences = pending.map((one) => state.change(one));
        pending = [];
        yield { commit: ++commit, at, differences, event: started };
        started = null;
        break;
      }
      case 'e':
        at += line[1];
        yield { commit, at, differences: null, event: line[2] };
        break;
      case 'end':
        at += line[1];
        yield { commit, at, differences: null, event: ENDED };
        break;
      default:
        state.begin(line);
        if (line[0] === 'complete') yield { commit: 0, at, differences: null, event: null };
    }
  }
  const loss = lossAfter(segment, at, next);
  if (loss !== null) yield { commit, at, differences: null, event: lossEvent(loss) };
}

/**
 * What is wrong with the end of a segment; null: nothing.
 * @param last milliseconds since the epoch, of the last record that was read
 */
export function lossAfter({ damage, path }: Segment, last: number, next: Header | null): string | null {
  if (damage !== null || next === null || next.lastAt === null || next.lastAt <= last) return damage;
  // The process that wrote the next segment had written more into this one, and the disk had taken it.
  return next.because === 'full' || next.because === 'clock'
    ? `${path} is damaged: its end is cut off`
    : null;
}

/** @param version of knat */
export function startedEvent(version: string): NotedEvent {
  return { kind: 'started', severity: 'info', message: `the agent started (knat ${version})`, object: null };
}

/** Of a part of the journal that cannot be read. Every question is told it: what is asked for may have been there. */
export function lossEvent(damage: string): NotedEvent {
  const message = `${damage}: what it recorded after this cannot be told`;
  return { kind: LOSS, severity: 'error', message, object: null };
}

export const LOSS = 'damaged';

const ENDED: NotedEvent = {
  kind: 'ended',
  severity: 'info',
  message: 'the agent ended; its rules stay in the kernel',
  object: null,
};
