import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ALL, FaultStage, failedAgain, LONG, lostIsGone } from './fault-stage.ts';
import { until } from './recorder.ts';
import type { Simulator } from './simulator/simulator.ts';
import type { refusals } from './simulator/status.ts';
import { type Stage, synced } from './stage.ts';
import { unlessSimulated } from './start-cluster.ts';

/** Ways in which a whole server fails, by name; in the end the facts equal the server's objects. */

let faults: FaultStage;
let stage: Stage;
let simulator: Simulator;

beforeAll(async () => {
  faults = await FaultStage.start();
  stage = faults.stage;
  simulator = faults.simulator;
});

beforeEach(() => faults.addServices());
afterEach(() => faults.forget());
afterAll(() => stage.close());

// A real server has no faults on demand, so these tests use the simulator.
describe.skipIf(unlessSimulated('faults', 'it has none on demand'))('faults of servers', () => {
  describe('servers', () => {
    test('a restart removes nothing, and a short one is not reported', async () => {
      const running = await synced(stage.start());
      await simulator.restart(100);
      await faults.expectAlive(running);
      expect(running.sink.problems()).toEqual([]);
    });

    test('an outage is reported, and its end too', async () => {
      const running = await synced(stage.start({ timings: { reportAfter: 100 } }));
      await simulator.stop();
      const problems = await until(
        () => running.sink.problems(),
        (found) => found.length > 0,
      );
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(
        /^kubernetes: https:\/\/127\.0\.0\.1:\d+: .*(cannot be reached|broke): .*\(KNAT_API_UNAVAILABLE\)$/,
      );
      expect(running.sink.keys('Service')).toEqual(ALL);
      await simulator.start();
      await until(
        () => running.sink.problems(),
        (found) => found.length === 0,
      );
      await faults.expectAlive(running);
    });

    describe('an outage is one line over all resources, and one when it is over', () => {
      // However long a busy machine takes, no group is away by itself, and no refusal lasts.
      const patient = { refusedAfter: 60_000, optionalPatience: 600_000 };
      const everything = Number.POSITIVE_INFINITY;
      const forbidden = (kinds: typeof refusals) =>
        kinds.forbidden('knat', 'list', { group: '', plural: 'services' } as never, '', '');
      const outages: [string, () => void, RegExp][] = [
        [
          '403',
          () => simulator.faults.refuse(everything, forbidden),
          /^(warning: .*is not ready yet|error: .*(reached|broke)): .*KNAT_API_UNAVAILABLE/,
        ],
        [
          '401',
          () => simulator.faults.refuse(everything, (kinds) => kinds.unauthorized()),
          /^(warning: .*is not ready yet|error: .*(reached|broke)): .*KNAT_API_UNAVAILABLE/,
        ],
        [
          '503',
          () => simulator.faults.refuse(everything, (kinds) => kinds.unavailable(0)),
          /^error: .*(busy or starting|reached|broke).*KNAT_API_UNAVAILABLE/,
        ],
      ];
      test.each(outages)('it answers %s', async (_, begin, line) => {
        const running = await synced(stage.start({ timings: patient }));
        begin();
        simulator.cutConnections();
        await until(
          () => running.sink.problems(),
          (found) => found.length > 0,
        );
        await failedAgain(running, 4);
        expect(running.sink.log).toEqual([expect.stringMatching(line)]);
        expect(running.sink.keys('Service')).toEqual(ALL);
        simulator.faults.clear();
        await until(
          () => running.sink.log,
          (log) => log.length > 1,
        );
        expect(running.sink.log.slice(1)).toEqual([expect.stringMatching(/answers again after \d+ s$/)]);
        expect(running.sink.problems()).toEqual([]);
        await faults.expectAlive(running);
      });

      test('it cannot be reached, then answers 403, then 503, then works', async () => {
        const running = await synced(stage.start({ timings: patient }));
        await simulator.stop();
        await until(
          () => running.sink.problems(),
          (found) => found.length > 0,
        );
        simulator.faults.refuse(everything, forbidden);
        await simulator.start();
        await failedAgain(running, 3);
        simulator.faults.clear();
        simulator.faults.refuse(20, (kinds) => kinds.unavailable(0));
        await until(
          () => running.sink.log,
          (log) => log.length > 1,
        );
        expect(running.sink.log).toEqual([
          expect.stringMatching(/^error: .*cannot be reached.*KNAT_API_UNAVAILABLE/),
          expect.stringMatching(/answers again after \d+ s$/),
        ]);
        await faults.expectAlive(running);
      });

      test('an agent that starts together with the server: it is not ready yet', async () => {
        simulator.faults.refuse(everything, forbidden);
        const running = stage.start({ timings: patient });
        await until(
          () => running.sink.problems(),
          (found) => found.length > 0,
        );
        await failedAgain(running, 3);
        expect(running.sink.log).toEqual([expect.stringMatching(/^warning: .*is not ready yet/)]);
        simulator.faults.clear();
        await synced(running);
        await until(
          () => running.sink.problems(),
          (found) => found.length === 0,
        );
      });

      test('lasting refusals are reported once, with the missing right and all resources that lack it', async () => {
        const running = await synced(stage.start());
        simulator.faults.refuse(everything, forbidden);
        simulator.cutConnections();
        const missing =
          /endpointslices\.discovery\.k8s\.io, .*services: a ClusterRole must allow get, list and watch on them.*KNAT_API_FORBIDDEN/;
        // Each resource is refused in its own time: until then the others may be away.
        await until(
          () => running.sink.problems(),
          (found) => found.length === 1 && missing.test(found[0] ?? ''),
        );
        simulator.faults.clear();
        await until(
          () => running.sink.problems(),
          (found) => found.length === 0,
        );
      });
    });

    test('a server whose version went back is listed again', async () => {
      const running = await synced(stage.start());
      const backup = await faults.backupBeforeLost(running);
      simulator.store.restore(backup);
      simulator.cutConnections();
      await lostIsGone(running);
      expect(running.sink.keys('Service')).toEqual(ALL);
      expect(running.debug.some((line) => line.includes('went back'))).toBe(true);
    });

    test('a server that comes back with an older state and passes our version is listed again', async () => {
      const running = await synced(stage.start());
      const backup = await faults.backupBeforeLost(running);
      await simulator.stop();
      simulator.store.restore(backup);
      simulator.store.advance(10);
      // First the watch breaks, then the connection is refused: only that shows that the server was away.
      await failedAgain(running, 2);
      await simulator.start();
      await lostIsGone(running);
    });

    test('a watch from a future version stays silent: listed again', async () => {
      const running = await synced(stage.start({ timings: { watchIdle: 400 } }));
      const backup = await faults.backupBeforeLost(running);
      simulator.store.restore(backup);
      await lostIsGone(running);
    });

    test('a slow start: not in sync before everything is there', async () => {
      simulator.faults.stalled.add('endpointslices');
      const running = stage.start({ timings: { listIdle: LONG } });
      await until(
        () => running.sink.keys('Service'),
        (keys) => keys.length === ALL.length,
      );
      expect(running.sink.isSynced).toBe(false);
      simulator.faults.stalled.clear();
      await synced(running);
    });

    test('no server at first', async () => {
      await simulator.stop();
      const running = stage.start();
      await until(
        () => running.sink.problems(),
        (found) => found.length > 0,
      );
      expect(running.sink.isSynced).toBe(false);
      await simulator.start();
      await synced(running);
      await until(
        () => running.sink.problems(),
        (found) => found.length === 0,
      );
    });

    test.each([
      ['429', 'tooManyRequests'],
      ['503', 'unavailable'],
    ] as const)('%s with Retry-After: not asked sooner', async (_, kind) => {
      simulator.requests.length = 0;
      simulator.faults.refuse(1, (kinds) => kinds[kind](1), { plural: 'services' });
      const startedAt = Date.now();
      const running = await synced(stage.start());
      expect(Date.now() - startedAt).toBeGreaterThan(950);
      expect([...faults.streams(), ...faults.lists()]).toHaveLength(2);
      expect(running.sink.keys('Service')).toEqual(ALL);
    });

    test('discovery that fails is no absent group', async () => {
      simulator.faults.refuse(12, (kinds) => kinds.unavailable(0), { plural: '' });
      const running = stage.start({ timings: { optionalPatience: 60_000 } });
      await until(
        () => running.sink.keys('Service'),
        (keys) => keys.length === ALL.length,
      );
      expect(running.sink.isSynced).toBe(false);
      await until(
        () => running.debug.join(),
        (text) => /ippools: discovery: .*/.test(text),
      );
      await synced(running);
    });
  });
});
