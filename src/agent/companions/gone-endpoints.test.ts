import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { ip, nodeFacts } from '../../../test/generators/build.ts';
import { bites } from '../../../test/generators/limits.ts';
import { limits } from '../../limits/table.ts';
import { defaultPlanOptions } from '../../plan/options.ts';
import { Planner } from '../../plan/planner.ts';
import type { AgentFacts, PlanInForce } from '../companion.ts';
import type { FoundConnection } from '../gone/end-connections.ts';
import { type Ender, GoneEndpointCompanion } from './gone-endpoints.ts';

const ends = { src: ip('10.244.1.9'), dst: ip('10.96.0.10'), sport: 40_000, dport: 80 };
const connection: FoundConnection = {
  entry: {
    ...{ family: 'IPv4', protocol: 6, status: 0, id: 1, timeoutSeconds: 1, mark: 0, zone: 0, counters: null },
    original: ends,
    reply: { src: ip('10.244.2.1'), dst: ends.src, sport: 8080, dport: ends.sport },
  },
  state: { isOver: false, hasSaidGoodbye: false, tags: null },
};

/** An agent that looks for connections once; its pauses are over at once. */
function run(ender: Partial<Ender>) {
  const told: number[] = [];
  const counted: Record<string, number> = {};
  const troubles: (string | null)[] = [];
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  const stop = new AbortController();
  const pause = () => new Promise<void>((resolve) => setImmediate(resolve));
  const agent = {
    planner,
    settings: { plan: defaultPlanOptions },
    logger: pino({ level: 'silent' }),
    findings: { trouble: (_: string, why: string | null) => troubles.push(why) },
    observations: {
      metrics: {
        increment: (name: string, _: object, by = 1) => {
          counted[name] = (counted[name] ?? 0) + by;
        },
      },
      activity: { add: () => {} },
    },
    surroundings: { now: () => 0, sleep: pause, wallClock: () => new Date(0) },
  };
  const work = new GoneEndpointCompanion(agent as unknown as AgentFacts, {
    silence: null,
    find: async () => ({ connections: [], isAll: true }),
    end: async () => {},
    tell: (some) => told.push(some.length),
    ...ender,
  });
  work.converged({ report: { isPartial: false, gone: new Set() } } as unknown as PlanInForce);
  const running = work.run(stop.signal);
  const end = async () => {
    stop.abort();
    await running;
  };
  return { told, counted, troubles, end };
}

test('of very many connections that ended at once, some are told once more', async () => {
  const { most } = limits['gone-told-again'];
  const many = new Array<FoundConnection>(most + 5).fill(connection);
  const desk = run({
    end: async (_found, _search, _signal, ended) => {
      for (let at = 0; at < many.length; at += 1_000) ended(many.slice(at, at + 1_000));
    },
  });
  const sum = () => desk.told.reduce((all, some) => all + some, 0);
  await bites('gone-told-again', () => vi.waitFor(() => expect(sum()).toBe(most), 20_000));
  expect(desk.counted.knat_gone_connections_ended_total).toBe(many.length);
  await desk.end();
});

test('what was ended before an error is counted; the rest is tried again', async () => {
  let attempts = 0;
  const desk = run({
    end: async (_found, _search, _signal, ended) => {
      if (++attempts > 1) return;
      ended([connection]);
      throw new Error('the set is full');
    },
  });
  await vi.waitFor(() => expect(desk.troubles.at(-1)).toBe(null), 20_000);
  expect(attempts).toBe(2);
  expect(desk.troubles[0]).toContain('the set is full');
  expect(desk.counted.knat_gone_connections_ended_total).toBe(1);
  await desk.end();
});

test('when a reading did not find all, it is read again', async () => {
  let readings = 0;
  const desk = run({ find: async () => ({ connections: [], isAll: ++readings === 3 }) });
  await vi.waitFor(() => expect(readings).toBe(3), 20_000);
  await desk.end();
  expect(readings).toBe(3);
});
