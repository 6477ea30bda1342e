/**
 * npm run bench:scale -- [--case NAME] [--document] [-o json]
 *
 * Clusters of the sizes for which other projects published figures: the API simulator in one process, the whole agent in
 * another, the kernel of a fresh network namespace. bench/README.md says what is measured.
 */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { removeStale } from '../src/lab/removal.ts';
import { CASES, caseNamed } from './scale/cases.ts';
import { textOf } from './scale/report.ts';
import type { CaseResult } from './scale/results.ts';
import { runCase } from './scale/run-case.ts';

const { values } = parseArgs({
  options: {
    case: { type: 'string', multiple: true },
    /** Writes the results into docs/performance.md, with its plots. */
    document: { type: 'boolean', default: false },
    output: { type: 'string', short: 'o', default: 'text' },
  },
});
const cases = (values.case ?? CASES.map(({ name }) => name)).map((name) => {
  const found = caseNamed(name);
  if (found === null) throw new RangeError(`--case: ${CASES.map((each) => each.name).join(', ')}`);
  return found;
});
// This process and those that it starts run before the other work of the machine, whose scheduling would be measured else.
execFileSync('chrt', ['--rr', '--pid', '1', `${process.pid}`]);
removeStale('knat-bench');
const results: CaseResult[] = [];
for (const each of cases) {
  try {
    const result = await runCase(each);
    results.push(result);
    if (values.output !== 'json') process.stdout.write(textOf(each, result));
  } catch (error) {
    // The others are measured all the same.
    process.exitCode = 1;
    process.stderr.write(`${each.name}: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}
if (values.output === 'json') process.stdout.write(`${JSON.stringify(results)}\n`);
if (values.document) {
  const { writeDocument } = await import('./scale/document.ts');
  await writeDocument(results);
}
