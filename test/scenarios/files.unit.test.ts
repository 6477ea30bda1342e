/** Every scenario file, and the example of README.md, through the plan and `explain`. */
import { expect, test } from 'vitest';
import { exampleText, README, scenarioFiles } from './runner/files.ts';
import { formatFailure } from './runner/judge.ts';
import { parseScenario, readScenario } from './runner/parse.ts';
import { failuresOfExplain } from './runner/through-explain.ts';

test.each(scenarioFiles())('%s', async (file) => {
  expect((await failuresOfExplain(readScenario(file))).map(formatFailure)).toEqual([]);
});

test('the example of README.md', async () => {
  expect((await failuresOfExplain(parseScenario(exampleText(), README))).map(formatFailure)).toEqual([]);
});
