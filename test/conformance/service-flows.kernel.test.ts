import { afterAll, beforeAll, expect, test } from 'vitest';
import { Stage } from '../netns/stage.ts';
import { formatFailure } from './outcome.ts';
import { readRecords } from './records.ts';
import { failuresOfKernel } from './through-kernel.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.build();
});

afterAll(() => stage.dispose());

test.each(readRecords())('$id $test', async (record) => {
  expect((await failuresOfKernel(stage, record)).map(formatFailure)).toEqual([]);
});
