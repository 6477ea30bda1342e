import { joinedSpans } from '../net/port.ts';
import type { Conflict } from './claims.ts';
import type { PlanEntry } from './entry.ts';
import {
  hasPort,
  isPortClaim,
  laneOf,
  type PortClaim,
  pieceAt,
  type RangeClaim,
  type SettledLane,
  settleLane,
  spanOf,
} from './port-claims.ts';

interface Lane {
  readonly ranges: Set<RangeClaim>;
  /** The claims to single ports, by port: the winner of each. */
  readonly singles: Map<number, PortClaim>;
  /** False until the singles are filled in. */
  isIndexed: boolean;
  isDirty: boolean;
  settled: SettledLane;
}

export interface LaneChanges {
  readonly before: SettledLane;
  readonly after: SettledLane;
}

const NOTHING: SettledLane = { pieces: [], beaten: new Set(), conflicts: new Map() };

/**
 * The lanes in which objects claim ranges; other keys are decided by single ports alone. A lane is settled again once a
 * round when a claim in it changed.
 */
export class PortLanes {
  readonly #lanes = new Map<string, Lane>();

  addRange(claim: RangeClaim): void {
    const name = laneOf(claim);
    const lane = this.#lanes.get(name);
    if (lane === undefined) {
      const ranges = new Set([claim]);
      const settled = NOTHING;
      this.#lanes.set(name, { ranges, singles: new Map(), isIndexed: false, isDirty: true, settled });
      return;
    }
    lane.ranges.add(claim);
    lane.isDirty = true;
  }

  removeRange(claim: RangeClaim): void {
    const lane = this.#lanes.get(laneOf(claim));
    if (lane?.ranges.delete(claim)) lane.isDirty = true;
  }

  replaceSingle(before: PortClaim | undefined, after: PortClaim | undefined): void {
    const either = after ?? before;
    if (either === undefined || this.#lanes.size === 0) return;
    const lane = this.#lanes.get(laneOf(either));
    if (lane === undefined || !lane.isIndexed) return;
    const { port } = either.tuple;
    if (after === undefined) lane.singles.delete(port);
    else lane.singles.set(port, after);
    if (covers(lane, port)) lane.isDirty = true;
  }

  /** @param singles all claims to single ports that won their key; called at most once */
  settle(singles: () => Iterable<PlanEntry>): LaneChanges[] {
    if (this.#lanes.size === 0) return [];
    this.#index(singles);
    const changes: LaneChanges[] = [];
    for (const [name, lane] of this.#lanes) {
      if (!lane.isDirty) continue;
      lane.isDirty = false;
      const before = lane.settled;
      lane.settled = settleLane(lane.ranges, inRanges(lane), before.pieces);
      changes.push({ before, after: lane.settled });
      if (lane.ranges.size === 0) this.#lanes.delete(name);
    }
    return changes;
  }

  /** The winner of the port if that is a range. */
  at(lane: string, port: number): RangeClaim | undefined {
    const known = this.#lanes.get(lane);
    return known === undefined ? undefined : pieceAt(known.settled.pieces, port)?.entry;
  }

  /** The conflicts about ranges of ports that contain this port. */
  conflictsAt(lane: string, port: number): Conflict[] {
    const known = this.#lanes.get(lane);
    if (known === undefined) return [];
    return [...known.settled.conflicts.values()].filter(({ key }) => namesPort(key, port));
  }

  #index(singles: () => Iterable<PlanEntry>): void {
    if ([...this.#lanes.values()].every(({ isIndexed }) => isIndexed)) return;
    for (const entry of singles()) {
      if (!isPortClaim(entry)) continue;
      const lane = this.#lanes.get(laneOf(entry));
      if (lane !== undefined && !lane.isIndexed) lane.singles.set(entry.tuple.port, entry);
    }
    for (const lane of this.#lanes.values()) lane.isIndexed = true;
  }
}

function covers({ ranges, settled }: Lane, port: number): boolean {
  if (pieceAt(settled.pieces, port) !== undefined) return true;
  for (const range of ranges) if (hasPort(range, port)) return true;
  return false;
}

/** The claims to single ports within a claimed range. */
function* inRanges({ ranges, singles }: Lane): Generator<PortClaim> {
  if (singles.size === 0 || ranges.size === 0) return;
  const spans = joinedSpans([...ranges].map(spanOf));
  for (const [port, single] of singles) {
    if (spans.some(({ first, last }) => port >= first && port <= last)) yield single;
  }
}

/** `203.0.113.7:10000-10100/UDP` and the like. */
function namesPort(key: string, port: number): boolean {
  const [, first = '', last = first] = /:(\d+)(?:-(\d+))?\/[A-Z]+$/.exec(key) ?? [];
  return first !== '' && port >= Number(first) && port <= Number(last);
}
