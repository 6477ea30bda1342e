import { expect, test } from 'vitest';
import { LoopDelaySampler } from './loop-delay.ts';

/** A process whose loop is busy for a share of the time, and late by `late` milliseconds. */
function processOf() {
  const state = { now: 0, used: 0, share: 0, late: 0, wakeUps: 0 };
  let waiting: { milliseconds: number; task: (late: number) => void } | null = null;
  const surroundings = {
    now: () => state.now,
    used: () => state.used,
    after: (milliseconds: number, task: (late: number) => void) => {
      const mine = { milliseconds, task };
      waiting = mine;
      return () => {
        if (waiting === mine) waiting = null;
      };
    },
  };
  const go = (seconds: number) => {
    const end = state.now + seconds * 1_000;
    while (waiting !== null && state.now < end) {
      const { milliseconds, task } = waiting;
      state.now += milliseconds + state.late;
      state.used += (milliseconds + state.late) * state.share;
      state.wakeUps++;
      task(state.late);
    }
  };
  return { state, surroundings, go, isWaiting: () => waiting !== null };
}

test('at rest there is a sample every two seconds; with work they become frequent, and seldom again after it', () => {
  const { state, surroundings, go } = processOf();
  const sampler = new LoopDelaySampler(surroundings);
  sampler.run(new AbortController().signal);
  go(10);
  state.wakeUps = 0;
  go(60);
  expect(state.wakeUps).toBe(30);
  expect(sampler.take()).toMatchObject({ max: 1e-9, p99: 1e-9 });
  Object.assign(state, { share: 0.5, late: 30, wakeUps: 0 });
  go(60);
  expect(state.wakeUps).toBeGreaterThan(1_000);
  const { min, p50, p99, mean } = sampler.take();
  for (const each of [min, p50, p99, mean]) expect(each).toBeCloseTo(0.03, 3);
  Object.assign(state, { share: 0.001, late: 0 });
  go(10);
  state.wakeUps = 0;
  go(60);
  expect(state.wakeUps).toBe(30);
});

test('without samples all is 0; an abort ends them', () => {
  const { surroundings, isWaiting } = processOf();
  const sampler = new LoopDelaySampler(surroundings);
  expect(Object.values(sampler.take())).toEqual([0, 0, 0, 0, 0, 0, 0]);
  const stop = new AbortController();
  sampler.run(stop.signal);
  expect(isWaiting()).toBe(true);
  stop.abort();
  expect(isWaiting()).toBe(false);
});
