/** The table of results, for people and for docs/performance.md. */
import { CASES, type Measure, type Peer, type ScaleCase } from './cases.ts';
import { type CaseResult, measured } from './results.ts';

export const commandOf = (name: string) => `npm run bench:scale -- --case ${name}`;

export interface ReportRow {
  readonly what: string;
  readonly peers: readonly Peer[];
  readonly ours: string;
  readonly command: string;
}

export function rowOf(each: ScaleCase, result: CaseResult): ReportRow {
  return { what: each.what, peers: each.peers, ours: oursOf(each, result), command: commandOf(each.name) };
}

function oursOf({ compared }: ScaleCase, { cold, changes }: CaseResult): string {
  if (compared === 'coldMs' || changes === null) {
    const kernel = `of it ${seconds(cold.systemMs)} in the kernel`;
    return `${seconds(cold.ms)}; processor time ${seconds(cold.cpuMs)}, ${kernel}; ${mebibytes(cold.peakMiB)} at the peak, ${mebibytes(cold.afterMiB)} after`;
  }
  const { latencyMs, cores, peakMiB } = changes;
  const latency = `event → kernel ${milliseconds(latencyMs.p50)} (99 %: ${milliseconds(latencyMs.p99)})`;
  if (compared !== 'coresP50') return latency;
  return `${cores.p50.toFixed(2)} cores (99 %: ${cores.p99.toFixed(2)}), ${mebibytes(peakMiB)} at most; ${latency}`;
}

/** One sentence for each target: what it is and what was measured. */
export function targetLines(results: readonly CaseResult[]): {
  readonly met: string[];
  readonly missed: string[];
} {
  const [met, missed]: [string[], string[]] = [[], []];
  for (const result of results) {
    const each = CASES.find(({ name }) => name === result.name);
    for (const { measure, most } of each?.targets ?? []) {
      const value = measured(result, measure);
      const line = `\`${result.name}\`: ${NAMES[measure]} ${written(measure, value)}, target ${written(measure, most)}`;
      (value <= most ? met : missed).push(line);
    }
  }
  return { met, missed };
}

const NAMES: Readonly<Record<Measure, string>> = {
  coldMs: 'start',
  latencyP50Ms: 'event → kernel, median',
  latencyP99Ms: 'event → kernel, 99th percentile',
  coresP50: 'processors, median',
  changesPeakMiB: 'resident memory, most',
};

function written(measure: Measure, value: number): string {
  switch (measure) {
    case 'coldMs':
      return seconds(value);
    case 'latencyP50Ms':
    case 'latencyP99Ms':
      return milliseconds(value);
    case 'coresP50':
      return value.toFixed(3);
    case 'changesPeakMiB':
      return mebibytes(value);
    default:
      return measure satisfies never;
  }
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(1)} ms`;
}

function mebibytes(mib: number): string {
  return `${Math.ceil(mib)} MiB`;
}

/** For a terminal: a paragraph for each case. */
export function textOf(each: ScaleCase, result: CaseResult): string {
  const { what, peers, ours, command } = rowOf(each, result);
  const theirs = peers.map(({ who, figure }) => `  ${who}: ${figure}\n`).join('');
  const { elements, translations } = result.checked;
  const checked = `  checked: ${elements} elements, ${translations} translated packets\n`;
  return `${what}\n  knat: ${ours}\n${theirs}${checked}  ${command}\n`;
}
