import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { natEntry, nodeFacts, pod, portOf, present } from '../../../test/generators/build.ts';
import type { PodBinding } from '../../plan/entry.ts';
import { defaultPlanOptions } from '../../plan/options.ts';
import { Planner } from '../../plan/planner.ts';
import type { StoreOutcome } from '../store-outcome.ts';
import { StatePublisher } from './state-publisher.ts';
import { StoreFailed } from './store.ts';

/** A clock that stands still between sleeps, and lets each of them pass at once. */
class Clock {
  time = 0;
  readonly slept: number[] = [];
  now = () => this.time;
  random = () => 0.5;
  wallClock = () => new Date(Date.UTC(2026, 0, 1) + this.time);
  sleep = async (milliseconds: number, signal: AbortSignal): Promise<void> => {
    // The wait for a change ends by the change.
    if (milliseconds > 100_000) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      return;
    }
    this.slept.push(milliseconds);
    this.time += milliseconds;
    await new Promise((resolve) => setImmediate(resolve));
  };
}

class Memory {
  readonly name = 'memory';
  text: string | null = null;
  reads = 0;
  writes: string[] = [];
  failures = 0;

  async read(): Promise<string | null> {
    this.reads++;
    if (this.failures-- > 0) throw new StoreFailed('memory: away');
    return this.text;
  }

  async write(text: string): Promise<void> {
    this.text = text;
    this.writes.push(text);
  }
}

function bindings(...ports: readonly number[]): PodBinding[] {
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  planner.apply([present('Pod', pod(ports.map((port) => natEntry({ sourcePort: portOf(port) }))))]);
  return [...planner.update().entries()].flatMap((entry) => (entry.kind === 'PodBinding' ? [entry] : []));
}

let clock: Clock;
let store: Memory;
let inForce: readonly PodBinding[] | null;
let troubles: (string | null)[];
let outcomes: StoreOutcome[];
let publisher: StatePublisher;
let stop: AbortController;
let ended: Promise<void>;

beforeEach(() => {
  clock = new Clock();
  store = new Memory();
  inForce = null;
  troubles = [];
  outcomes = [];
  stop = new AbortController();
  publisher = new StatePublisher({
    store,
    surroundings: clock,
    bindings: () => inForce,
    trouble: (message) => troubles.push(message),
    outcome: (outcome) => outcomes.push(outcome),
    debug: () => {},
  });
  ended = publisher.run(stop.signal);
});

afterEach(async () => {
  stop.abort();
  await ended;
});

async function tell(now: readonly PodBinding[] | null): Promise<void> {
  inForce = now;
  publisher.changed();
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('before the kernel has the plan nothing is read or written', async () => {
  await tell(null);
  expect(store).toMatchObject({ reads: 0, writes: [] });
});

test('changed parts are written, others are not, and not more often than the interval', async () => {
  await tell(bindings(25));
  expect(store.writes).toHaveLength(1);
  await tell(bindings(25));
  expect(store.writes).toHaveLength(1);
  await tell(bindings(25, 26));
  expect(store.writes).toHaveLength(2);
  expect(clock.slept).toEqual([5000]);
  const state = JSON.parse(store.text ?? '');
  expect(state['203.0.113.7:25'][0].Created).toBe('2026-01-01T00:00:00.000Z');
  expect(state['203.0.113.7:26'][0].Created).toBe('2026-01-01T00:00:05.000Z');
  expect(state['203.0.113.7:25'][0].LastVerified).toBe('2026-01-01T00:00:05.000Z');
  expect(store.reads).toBe(1);
});

test('no bindings and no state: nothing is made; a broken state is put right', async () => {
  await tell([]);
  expect(store.writes).toEqual([]);
  stop.abort();
  await ended;
  store.text = 'broken';
  const again = new StatePublisher({
    store,
    surroundings: clock,
    bindings: () => [],
    trouble: () => {},
    outcome: () => {},
    debug: () => {},
  });
  stop = new AbortController();
  ended = again.run(stop.signal);
  again.changed();
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(store.text).toBe('{}');
});

test('an unreachable store is reported, tried again with growing waits, then gets the newest state', async () => {
  store.failures = 4;
  inForce = bindings(25);
  publisher.changed();
  await new Promise((resolve) => setImmediate(resolve));
  await tell(bindings(26));
  expect(troubles).toEqual(['memory: away', 'memory: away', 'memory: away', 'memory: away', null, null]);
  expect(outcomes).toEqual(['failed', 'failed', 'failed', 'failed', 'written', 'held', 'held']);
  expect(clock.slept.slice(0, 4)).toEqual([375, 750, 1500, 3000]);
  expect(Object.keys(JSON.parse(store.text ?? ''))).toEqual(['203.0.113.7:26']);
});

test('a store that is away for a day costs no memory, one attempt a minute, and is written when it is back', async () => {
  store.failures = 2000;
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const heap = () => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const turns = async (count: number) => {
    for (let turn = 0; turn < count; turn++) {
      // The plan goes on changing: nothing of that may pile up.
      inForce = bindings(1000 + (turn % 50));
      publisher.changed();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await turns(300);
  const before = heap();
  const attempts = store.reads;
  await turns(1200);
  expect(store.reads - attempts).toBeGreaterThan(500);
  expect(heap() - before).toBeLessThan(2 * 1024 * 1024);
  expect(Math.max(...clock.slept)).toBeLessThanOrEqual(60_000);
  expect(clock.time / store.reads).toBeGreaterThan(40_000);
  expect(new Set(troubles)).toEqual(new Set(['memory: away']));
  store.failures = 0;
  await tell(bindings(26));
  expect(Object.keys(JSON.parse(store.text ?? ''))).toEqual(['203.0.113.7:26']);
  expect(outcomes.filter((outcome) => outcome !== 'failed').slice(0, 2)).toEqual(['written', 'held']);
  expect(store.writes).toHaveLength(1);
});
