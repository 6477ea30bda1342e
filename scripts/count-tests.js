// Prints `PASSED FAILED` of a vitest JSON report; a file that could not run counts as one failed test.
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
/** @type {{ status: string, assertionResults: unknown[] }[]} */
const files = report.testResults;
const broken = files.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
process.stdout.write(`${report.numPassedTests} ${report.numFailedTests + broken}\n`);
