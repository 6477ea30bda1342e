import { expect, test, vi } from 'vitest';
import { timers } from '../base/wake.ts';
import { RuleKeeper } from './rule-keeper.ts';

/** A keeper whose looks the test ends, and whose sleeps pass at once but for those of a minute. */
function keeper(isPolled = true) {
  const ends: (() => void)[] = [];
  const sleeps: number[] = [];
  let change = () => {};
  const stop = new AbortController();
  const made = new RuleKeeper({
    settle: () => new Promise<void>((resolve) => ends.push(resolve)),
    watch: (onChange) => {
      change = onChange;
      return () => {
        change = () => {};
      };
    },
    sleeper: {
      sleep: async (milliseconds, signal) => {
        sleeps.push(milliseconds);
        await timers.sleep(milliseconds >= 60_000 ? 2 ** 30 : 0, signal);
      },
    },
    every: 60_000,
    isPolled: () => isPolled,
  });
  const running = made.run(stop.signal);
  return { made, ends, sleeps, stop, running, change: () => change() };
}

const looks = (ends: readonly unknown[], count: number) => vi.waitFor(() => expect(ends.length).toBe(count));

test('no reading before one is due; a burst causes one; a change during a reading causes the next', async () => {
  const { made, ends, sleeps, stop, running, change } = keeper();
  change();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(ends).toEqual([]);
  made.due();
  await looks(ends, 1);
  expect(sleeps).toEqual([100]);
  change();
  change();
  ends[0]?.();
  await looks(ends, 2);
  ends[1]?.();
  await vi.waitFor(() => expect(sleeps.at(-1)).toBe(60_000));
  expect(ends.length).toBe(2);
  stop.abort();
  await running;
  change();
});

test('looks wait for each other, wherever they come from', async () => {
  const { made, ends, stop, running } = keeper();
  const first = made.settle(stop.signal);
  const second = made.settle(stop.signal);
  await looks(ends, 1);
  ends[0]?.();
  await first;
  await looks(ends, 2);
  ends[1]?.();
  await second;
  stop.abort();
  await running;
});
