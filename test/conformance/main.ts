/**
 * Every flow of a conformance file through `explain` and through the kernel (`make conformance FILE=…`). Prints each flow
 * that fails, and one line for each of the two; exit status 1 when any failed. The kernel's part needs root.
 */
import { parseArgs } from 'node:util';
import { Stage } from '../netns/stage.ts';
import { type Failure, formatFailure } from './outcome.ts';
import { type ConformanceRecord, OUR_RECORDS, readRecords } from './records.ts';
import { failuresOfExplain } from './through-explain.ts';
import { failuresOfKernel } from './through-kernel.ts';

const { values } = parseArgs({ options: { file: { type: 'string', default: OUR_RECORDS } } });
const records = readRecords(values.file);
const stage = await Stage.build();
try {
  const explain = await judge('explain', (record) => failuresOfExplain(record));
  const kernel = await judge('kernel', (record) => failuresOfKernel(stage, record));
  process.exitCode = explain && kernel ? 0 : 1;
} finally {
  stage.dispose();
}

/** True when no flow failed. A record that cannot be carried out fails with all its flows. */
async function judge(
  way: string,
  failuresOf: (record: ConformanceRecord) => readonly Failure[] | Promise<readonly Failure[]>,
): Promise<boolean> {
  let passed = 0;
  let failed = 0;
  for (const record of records) {
    let failures: readonly Failure[];
    try {
      failures = await failuresOf(record);
    } catch (error) {
      const got = {
        verdict: `an error: ${error instanceof Error ? error.message : error}`,
        endpoints: [],
        masq: false,
      };
      failures = record.flows.map((flow) => ({ recordId: record.id, flow, got }));
    }
    for (const failure of failures) console.log(`${way}: ${formatFailure(failure)}`);
    failed += failures.length;
    passed += record.flows.length - failures.length;
  }
  console.log(`${way}: ${passed} passed, ${failed} failed`);
  return failed === 0;
}
