import { expect, test } from 'vitest';
import type { Report } from '../datapath/datapath.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import { ConvergeLoop } from './converge-loop.ts';

const report: Report = {
  revision: 1,
  skeleton: 'kept',
  elementsAdded: 0,
  elementsDeleted: 0,
  compared: 'changes',
  gone: null,
  changedSources: null,
  refused: [],
};
const plan = { revision: 1 } as NatPlan;

/** A loop over a datapath whose converge is this function; sleeps are recorded and pass at once. */
function loopOver(converge: () => Promise<Report>) {
  const sleeps: number[] = [];
  const failures: unknown[] = [];
  const stop = new AbortController();
  let time = 0;
  const loop = new ConvergeLoop({
    datapath: { converge },
    plan: () => plan,
    surroundings: {
      now: () => time++,
      sleep: async (milliseconds) => {
        sleeps.push(milliseconds);
        await tick();
      },
      random: () => 0,
    },
    converged: () => {},
    failed: (error) => failures.push(error),
  });
  return { loop, sleeps, failures, stop, running: loop.run(stop.signal) };
}

/** A turn for what the loop waits for, and one for its converge. */
async function tick(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

test('nothing is written before the release, however often it is triggered', async () => {
  let count = 0;
  const { loop, stop, running } = loopOver(async () => {
    count++;
    return report;
  });
  loop.trigger();
  await tick();
  loop.trigger();
  await tick();
  expect(count).toBe(0);
  loop.release();
  await tick();
  expect(count).toBe(1);
  stop.abort();
  await running;
});

test('triggers of one turn of the event loop are one converge', async () => {
  let count = 0;
  const { loop, stop, running } = loopOver(async () => {
    count++;
    return report;
  });
  loop.release();
  await tick();
  for (let i = 0; i < 5; i++) {
    loop.trigger();
    await Promise.resolve();
  }
  await tick();
  expect(count).toBe(2);
  stop.abort();
  await running;
});

test('triggers during a converge are done together in one more', async () => {
  let count = 0;
  let finish = () => {};
  const { loop, stop, running } = loopOver(() => {
    count++;
    return new Promise((resolve) => {
      finish = () => resolve(report);
    });
  });
  loop.release();
  await tick();
  loop.trigger();
  loop.trigger();
  loop.trigger();
  finish();
  await tick();
  finish();
  await tick();
  expect(count).toBe(2);
  stop.abort();
  await running;
});

test('a failure is retried with doubling waits, and success resets them', async () => {
  let count = 0;
  const { loop, sleeps, failures, stop, running } = loopOver(async () => {
    if (++count <= 3) throw new Error(`attempt ${count}`);
    return report;
  });
  loop.release();
  for (let i = 0; i < 20; i++) await tick();
  expect(count).toBe(4);
  expect(failures).toHaveLength(3);
  // Half of 100, 200, 400 ms (random is 0), each less the first 50 ms that are always waited.
  expect(sleeps).toEqual([50, 0, 50, 50, 50, 150]);
  stop.abort();
  await running;
});

test('stops while waiting for work', async () => {
  const { stop, running } = loopOver(async () => report);
  await tick();
  stop.abort();
  await running;
});
