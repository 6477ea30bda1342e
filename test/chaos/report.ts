import { descriptorGrowthOf, type Footprint, slopeOf } from './checks/memory.ts';
import type { FaultResult, LifeResult } from './results.ts';

/** Points that a slope needs. */
const LONG = 30;
/** The most descriptors that an agent may hold more at the end of such a life than at its begin: less than one for ten faults. */
const MOST_MORE = 2;

/** What a run was, in numbers. */
export interface Report {
  readonly seed: number;
  readonly faults: number;
  readonly failed: number;
  readonly dials: number;
  readonly starts: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** MiB for each 1,000 faults: the median over agents that saw at least 30 faults, and the steepest of them; null: none did. */
  readonly rssSlope: { readonly median: number; readonly steepest: number; readonly agents: number } | null;
  /** The largest difference of open descriptors in the life of one agent. */
  readonly descriptorSpread: number;
  /** By how many descriptors the agent that leaked most grew. */
  readonly descriptorGrowth: number;
  /** Where faults struck, for kinds that are to strike everywhere. */
  readonly places: Readonly<
    Record<string, { readonly struck: readonly string[]; readonly of: number | null }>
  >;
  /** Done, failed and milliseconds (mean), by kind. */
  readonly kinds: Readonly<
    Record<string, { done: number; failed: number; skipped: number; milliseconds: number }>
  >;
}

export function reportOf(
  seed: number,
  seconds: number,
  cpuSeconds: number,
  faults: readonly FaultResult[],
  lives: readonly LifeResult[],
): Report {
  const done = faults.filter(({ skipped }) => skipped === null);
  const agents = lives.flatMap(({ footprints }) => footprints).filter((points) => points.length >= LONG);
  return {
    seed,
    faults: done.length,
    failed: done.filter(({ problems }) => problems.length > 0).length,
    dials: lives.reduce((sum, { dials }) => sum + dials, 0),
    starts: lives.reduce((sum, { starts }) => sum + starts, 0),
    seconds,
    cpuSeconds,
    rssSlope: slopesOf(agents),
    descriptorSpread: Math.max(0, ...agents.map(spreadOf)),
    descriptorGrowth: Math.max(0, ...agents.map(descriptorGrowthOf)),
    places: placesOf(faults),
    kinds: byKind(faults),
  };
}

/** An agent that lived long holds descriptors that it did not hold before. */
export function isLeaking({ descriptorGrowth }: Report): boolean {
  return descriptorGrowth > MOST_MORE;
}

function slopesOf(agents: readonly (readonly Footprint[])[]): Report['rssSlope'] {
  const slopes = agents.flatMap((points) => slopeOf(points) ?? []).sort((a, b) => a - b);
  const median = slopes[Math.floor(slopes.length / 2)];
  const steepest = slopes.at(-1);
  if (median === undefined || steepest === undefined) return null;
  return { median, steepest, agents: slopes.length };
}

function spreadOf(points: readonly Footprint[]): number {
  const all = points.map(({ descriptors }) => descriptors);
  return Math.max(...all) - Math.min(...all);
}

function placesOf(faults: readonly FaultResult[]): Report['places'] {
  const places: Record<string, { struck: string[]; of: number | null }> = {};
  for (const { kind, source, place } of faults) {
    if (place === null) continue;
    const key = `${kind} (${source})`;
    const row = places[key] ?? { struck: [], of: place.of };
    places[key] = row;
    if (!row.struck.includes(place.name)) row.struck.push(place.name);
    if (place.of !== null) row.of = Math.max(row.of ?? 0, place.of);
  }
  return places;
}

function byKind(faults: readonly FaultResult[]): Report['kinds'] {
  const kinds: Record<string, { done: number; failed: number; skipped: number; milliseconds: number }> = {};
  for (const { kind, skipped, problems, milliseconds } of faults) {
    const row = kinds[kind] ?? { done: 0, failed: 0, skipped: 0, milliseconds: 0 };
    kinds[kind] = row;
    if (skipped !== null) row.skipped++;
    else {
      row.milliseconds = (row.milliseconds * row.done + milliseconds) / (row.done + 1);
      row.done++;
      if (problems.length > 0) row.failed++;
    }
  }
  return kinds;
}

export function formatReport(report: Report): string {
  const { rssSlope } = report;
  const slope =
    rssSlope === null
      ? 'too few faults for a slope of memory'
      : `memory ${rssSlope.median.toFixed(2)} MiB per 1,000 faults (median of ${rssSlope.agents} agents, steepest ${rssSlope.steepest.toFixed(2)})`;
  return [
    `seed ${report.seed}: ${report.faults} faults, ${report.failed} failed, ${report.dials} new connections, ${report.starts} starts`,
    `${report.seconds.toFixed(0)} s, ${(report.cpuSeconds / Math.max(report.faults, 1)).toFixed(2)} s of processor time a fault`,
    `${slope}; descriptors differ by ${report.descriptorSpread} at most${isLeaking(report) ? `, and an agent LEAKED ${report.descriptorGrowth}` : ''}`,
    ...Object.entries(report.places).map(
      ([name, { struck, of }]) => `${name}: ${struck.length} places${of === null ? '' : ` of ${of}`}`,
    ),
    ...Object.entries(report.kinds)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([name, { done, failed, skipped, milliseconds }]) =>
          `  ${name.padEnd(32)} ${String(done).padStart(6)} done ${String(failed).padStart(4)} failed ${String(skipped).padStart(5)} skipped ${milliseconds.toFixed(0).padStart(6)} ms`,
      ),
  ].join('\n');
}
