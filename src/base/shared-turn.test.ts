import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { sharedTurn } from './shared-turn.ts';

test('however many work, each turn of the event loop has one step, and each of them its turn', async () => {
  const steps: number[] = [];
  const work = async (who: number) => {
    for (let step = 0; step < 3; step++) {
      await sharedTurn();
      steps.push(who);
    }
  };
  const all = Promise.all([0, 1, 2, 3].map(work));
  const inTurn: number[] = [];
  while (steps.length < 12) {
    const before = steps.length;
    await turn();
    inTurn.push(steps.length - before);
  }
  await all;
  expect(Math.max(...inTurn)).toBe(1);
  expect(steps).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
});
