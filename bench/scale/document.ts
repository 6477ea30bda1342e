import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { CASES } from './cases.ts';
import { inOrder, plotsOf } from './plots.ts';
import { rowOf, targetLines } from './report.ts';
import type { CaseResult } from './results.ts';

// From the root of the repository, where npm runs scripts.
const PAGE = 'docs/performance.md';
const RESULTS = 'docs/performance.json';
const PLOTS = 'docs/img';
const BEGIN = '<!-- written by bench:scale -->\n';
const END = '<!-- end of what bench:scale wrote -->\n';

/** Where and when the results were measured. */
interface Circumstances {
  readonly date: string;
  readonly commit: string;
  readonly kernel: string;
  readonly node: string;
  readonly processors: number;
}

type Stored = CaseResult & { readonly measured: Circumstances };

/** Writes results, table and plots. Cases that were not run keep their results of last time. */
export async function writeDocument(results: readonly CaseResult[]): Promise<void> {
  const measured = circumstances();
  const fresh = results.map((result): Stored => ({ ...result, measured }));
  const kept = stored().filter(({ name }) => !fresh.some((each) => each.name === name));
  const all = inOrder([...fresh, ...kept]) as Stored[];
  // One case a line: the curves have a hundred numbers each.
  writeFileSync(RESULTS, `[\n${all.map((each) => JSON.stringify(each)).join(',\n')}\n]\n`);
  for (const [name, svg] of plotsOf(all)) writeFileSync(`${PLOTS}/${name}`, svg);
  const page = readFileSync(PAGE, 'utf8');
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${PAGE} has no place for the results`);
  writeFileSync(PAGE, `${before}${BEGIN}${writtenPart(all)}${END}${after}`);
}

function stored(): Stored[] {
  try {
    return JSON.parse(readFileSync(RESULTS, 'utf8')) as Stored[];
  } catch {
    return []; // the first time
  }
}

function writtenPart(all: readonly Stored[]): string {
  const rows = all.flatMap((result) => {
    const each = CASES.find(({ name }) => name === result.name);
    if (each === undefined) return [];
    const { what, peers, ours, command } = rowOf(each, result);
    const theirs = peers.map(({ who, figure, url }) => `${figure} ([${who}](${url}))`).join('; ');
    return [`| ${what} | ${theirs || 'not published'} | ${ours} | \`${command}\` |`];
  });
  const { met, missed } = targetLines(all);
  return [
    '| case | published | knat | command |',
    '|---|---|---|---|',
    ...rows,
    '',
    `**Missed targets**${missed.length === 0 ? ': none.' : ':'}`,
    ...missed.map((line) => `* ${line}`),
    '',
    `**Met**${met.length === 0 ? ': none.' : ':'}`,
    ...met.map((line) => `* ${line}`),
    '',
    ...where(all),
    '',
  ].join('\n');
}

/** One line for each place and time. */
function where(all: readonly Stored[]): string[] {
  const lines = new Map<string, string[]>();
  for (const { name, measured } of all) {
    const { date, commit, kernel, node, processors } = measured;
    const line = `${date}, commit ${commit}, Linux ${kernel}, Node.js ${node}, ${processors} processors`;
    lines.set(line, [...(lines.get(line) ?? []), `\`${name}\``]);
  }
  return [...lines].map(([line, names]) => `Measured ${line}: ${names.join(', ')}.`);
}

function circumstances(): Circumstances {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  return {
    date: new Date().toISOString().slice(0, 10),
    commit,
    kernel: release().split('-')[0] ?? '',
    node: process.versions.node,
    processors: cpus().length,
  };
}
