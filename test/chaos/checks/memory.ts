import { readdirSync, readFileSync } from 'node:fs';

const PAGE = 4096;

/** What an agent holds after a fault. */
export interface Footprint {
  /** Faults since its process started. */
  readonly age: number;
  readonly rssBytes: number;
  readonly descriptors: number;
}

export function footprintOf(pid: number, age: number): Footprint {
  const [, resident = '0'] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
  return {
    age,
    rssBytes: Number(resident) * PAGE,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/** The slope of the straight line that fits best, in MiB for each 1,000 faults; null for fewer than three points. */
export function slopeOf(points: readonly Footprint[]): number | null {
  if (points.length < 3) return null;
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const age = mean(points.map((point) => point.age));
  const rss = mean(points.map((point) => point.rssBytes));
  const covariance = points.reduce((sum, point) => sum + (point.age - age) * (point.rssBytes - rss), 0);
  const variance = points.reduce((sum, point) => sum + (point.age - age) ** 2, 0);
  return variance === 0 ? null : (covariance / variance) * (1000 / 2 ** 20);
}

/**
 * By how many descriptors an agent holds more for good: the fewest in the last third of its life beside the fewest in the first.
 * Connections that come and go change neither.
 */
export function descriptorGrowthOf(points: readonly Footprint[]): number {
  const third = Math.floor(points.length / 3);
  if (third === 0) return 0;
  const fewest = (some: readonly Footprint[]) => Math.min(...some.map(({ descriptors }) => descriptors));
  return fewest(points.slice(-third)) - fewest(points.slice(0, third));
}
