/** Every scenario file, and the example of README.md, with real packets in one lab. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Stage } from '../netns/stage.ts';
import { exampleText, README, scenarioFiles } from './runner/files.ts';
import { formatFailure } from './runner/judge.ts';
import { parseScenario, readScenario } from './runner/parse.ts';
import { failuresOfKernel } from './runner/through-kernel.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.build();
});

afterAll(() => stage.dispose());

test.each(scenarioFiles())('%s', async (file) => {
  expect((await failuresOfKernel(stage, readScenario(file))).map(formatFailure)).toEqual([]);
});

test('the example of README.md', async () => {
  expect((await failuresOfKernel(stage, parseScenario(exampleText(), README))).map(formatFailure)).toEqual(
    [],
  );
});
