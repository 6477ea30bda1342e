/** The kernel's half reports expectations that are not met. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Stage } from '../netns/stage.ts';
import { parseScenario } from './runner/parse.ts';
import { failuresOfKernel } from './runner/through-kernel.ts';
import { expectedFailures, FILE, scenarioText } from './wrong-expectations.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.build();
});
afterAll(() => stage.dispose());

test('each wrong expectation is reported with its line, and nothing else', async () => {
  const failures = await failuresOfKernel(stage, parseScenario(scenarioText, FILE));
  expect(failures.map(({ origin, message }) => ({ origin, message }))).toEqual(
    expectedFailures.map(({ origin, message }) => ({
      origin,
      message: expect.stringMatching(startOf(message)),
    })),
  );
});

const startOf = (text: string) => new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`);
