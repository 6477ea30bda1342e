import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { nodeFacts, present, service, slice } from '../../../test/generators/build.ts';
import type { FlowChanges } from '../../datapath/conntrack/flow-changes.ts';
import { defaultPlanOptions } from '../../plan/options.ts';
import { Planner } from '../../plan/planner.ts';
import type { AgentFacts } from '../companion.ts';
import { StaleFlowCompanion } from './stale-flows.ts';

/** An agent whose clock stands still but for what readings take, and a table whose readings the test ends. */
class Desk {
  readonly planner = new Planner(nodeFacts(), defaultPlanOptions);
  readonly counted = { deleted: 0, failures: 0 };
  /** What the table was read for. */
  readonly readings: FlowChanges[] = [];
  readonly atOnce: FlowChanges[] = [];
  readonly rests: number[] = [];
  readonly work: StaleFlowCompanion;
  #now = 0;
  #end: (failure?: Error) => void = () => {};
  #rested: () => void = () => {};
  #inForce: number | null = null;

  constructor() {
    const metrics = {
      increment: (name: string, _: object, by = 1) => {
        if (name === 'knat_stale_flows_deleted_total') this.counted.deleted += by;
        else this.counted.failures += by;
      },
    };
    const agent = {
      planner: this.planner,
      logger: pino({ level: 'silent' }),
      observations: { metrics },
      surroundings: {
        now: () => this.#now,
        sleep: (milliseconds: number, signal: AbortSignal) => {
          this.rests.push(milliseconds);
          return new Promise<void>((resolve) => {
            this.#rested = resolve;
            if (signal.aborted) resolve();
            signal.addEventListener('abort', () => resolve());
          });
        },
      },
    };
    this.work = new StaleFlowCompanion(agent as unknown as AgentFacts, {
      clean: (_, changes, signal) => {
        this.readings.push(changes);
        return new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')));
          this.#end = (failure) => (failure === undefined ? resolve(2) : reject(failure));
        });
      },
      cleanAtOnce: (_, changes) => {
        this.atOnce.push(changes);
        return 1;
      },
    });
  }

  converge(address: string, gone: ReadonlySet<string> | null = null): void {
    this.planner.apply([present('Service', service()), present('EndpointSlice', slice([address]))]);
    const plan = this.planner.update();
    const report = {
      ...({ revision: plan.revision, skeleton: 'kept', compared: 'changes' } as const),
      ...{ elementsAdded: 0, elementsDeleted: 0, gone, changedSources: null, refused: [] },
    };
    const changed = this.#inForce === null ? null : plan.changedSince(this.#inForce);
    this.#inForce = plan.revision;
    this.work.converged({ plan, changed, report, milliseconds: 1 });
  }

  /** The reading ends after so many milliseconds. */
  async end(milliseconds: number, failure?: Error): Promise<void> {
    this.#now += milliseconds;
    const rests = this.rests.length;
    this.#end(failure);
    await vi.waitFor(() => expect(this.rests.length).toBe(rests + 1));
  }

  rested(): void {
    this.#rested();
  }

  async readingsAre(count: number): Promise<void> {
    await vi.waitFor(() => expect(this.readings).toHaveLength(count));
  }
}

const KEYS = new Set(['10.96.0.10:80/TCP']);

test('changes during a reading and the rest after it are handled by one further reading', async () => {
  const desk = new Desk();
  const stop = new AbortController();
  const running = desk.work.run(stop.signal);
  desk.converge('10.244.1.5', new Set());
  await desk.readingsAre(1);
  desk.converge('10.244.1.6');
  await desk.end(30);
  expect(desk.rests).toEqual([1_000]);
  desk.converge('10.244.1.7');
  expect(desk.readings).toHaveLength(1);
  desk.rested();
  await desk.readingsAre(2);
  expect(desk.readings[1]).toEqual({ keys: KEYS, gone: new Set(), compare: null });
  await desk.end(10);
  expect(desk.counted).toEqual({ deleted: 4, failures: 0 });
  stop.abort();
  await running;
  expect(desk.atOnce).toEqual([]);
});

test.each([
  ['a short', 2, 250],
  ['an ordinary', 5, 495],
  ['a slow', 50, 1_000],
  ['a long', 200, 1_800],
  ['a very long', 3_000, 5_000],
])('after %s reading it rests too, but not for ever', async (_, duration, rest) => {
  const desk = new Desk();
  const stop = new AbortController();
  const running = desk.work.run(stop.signal);
  desk.converge('10.244.1.5', new Set());
  await desk.readingsAre(1);
  await desk.end(duration);
  expect(desk.rests).toEqual([rest]);
  stop.abort();
  await running;
});

test('a failed reading is repeated, together with later changes', async () => {
  const desk = new Desk();
  const stop = new AbortController();
  const running = desk.work.run(stop.signal);
  desk.converge('10.244.1.5', new Set(['10.96.0.99:53/UDP']));
  await desk.readingsAre(1);
  await desk.end(1, new Error('ENOBUFS'));
  desk.converge('10.244.1.6');
  expect(desk.rests).toEqual([5000]);
  expect(desk.counted.failures).toBe(1);
  desk.rested();
  await desk.readingsAre(2);
  expect(desk.readings[1]).toEqual(desk.readings[0]);
  stop.abort();
  await running;
});

test('at the end the remaining changes are handled at once, since the next agent cannot know them', async () => {
  const desk = new Desk();
  const stop = new AbortController();
  const running = desk.work.run(stop.signal);
  desk.converge('10.244.1.5', new Set(['10.96.0.99:53/UDP']));
  await desk.readingsAre(1);
  desk.converge('10.244.1.6');
  stop.abort();
  expect(desk.atOnce).toEqual([{ ...desk.readings[0], gone: new Set(['10.96.0.99:53/UDP']) }]);
  await running;
  expect(desk.counted).toEqual({ deleted: 1, failures: 0 });
});

test('whoever waits for the first reading waits for the one under way', async () => {
  const desk = new Desk();
  const stop = new AbortController();
  const running = desk.work.run(stop.signal);
  desk.converge('10.244.1.5', new Set());
  await desk.readingsAre(1);
  let isDone = false;
  const waiting = desk.work.attempt(stop.signal).then(() => {
    isDone = true;
  });
  await Promise.resolve();
  expect(isDone).toBe(false);
  await desk.end(1);
  await waiting;
  expect(desk.readings).toHaveLength(1);
  stop.abort();
  await running;
});
