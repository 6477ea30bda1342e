import { expect, test } from 'vitest';
import { formatFailure } from './outcome.ts';
import { readRecords } from './records.ts';
import { failuresOfExplain } from './through-explain.ts';

const records = readRecords();

test('the records are all there', () => {
  expect(records).toHaveLength(72);
  expect(records.flatMap((record) => record.flows)).toHaveLength(287);
});

test.each(records)('$id $test', (record) => {
  expect(failuresOfExplain(record).map(formatFailure)).toEqual([]);
});
