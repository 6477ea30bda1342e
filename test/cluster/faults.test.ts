import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { agentRole, rulesWithout } from './agent-role.ts';
import { definition } from './cluster-client.ts';
import { node, service, slice } from './manifests.ts';
import { until } from './recorder.ts';
import type { Simulator } from './simulator/simulator.ts';
import type { refusals } from './simulator/status.ts';
import { type Running, Stage, synced } from './stage.ts';
import { startSimulator, unlessSimulated } from './start-cluster.ts';

/**
 * Every way in which a server or a network fails, by name; in the end the facts equal the server's objects. They stay in one
 * file, since they share one server, whose start takes longest.
 */

let stage: Stage;
let simulator: Simulator;

beforeAll(async () => {
  const cluster = await startSimulator();
  simulator = cluster.simulator;
  stage = new Stage(cluster);
  await stage.prepare();
  await stage.client.create(node('node-a', '192.0.2.1'));
});

beforeEach(async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) await stage.client.put(service(name));
});

afterEach(async () => {
  simulator.faults.clear();
  await stage.quiet();
  for (const object of await stage.client.list('/api/v1/services')) {
    await stage.client.remove(service(object.metadata.name));
  }
});

afterAll(async () => {
  await stage.close();
});

/** A snapshot of the server, taken before the Service `shop/lost` is created and arrives at the source. */
async function backupBeforeLost({ sink }: Running) {
  const backup = simulator.store.snapshot();
  await stage.client.put(service('lost'));
  await until(
    () => sink.keys('Service'),
    (keys) => keys.includes('shop/lost'),
  );
  return backup;
}

async function lostIsGone({ sink }: Running): Promise<void> {
  await until(
    () => sink.keys('Service'),
    (keys) => !keys.includes('shop/lost'),
  );
}

/** Milliseconds: longer than any test. */
const LONG = 600_000;

/** Resources that every server has. */
const RESOURCES = ['services', 'pods', 'nodes', 'endpointslices'];

/** Waits until the source has been refused this many times more for each of these resources. */
async function failedAgain({ debug }: Running, times: number): Promise<void> {
  const from = debug.length;
  await until(
    () => debug.slice(from).filter((line) => line.includes('; again in ')),
    (lines) =>
      RESOURCES.every((plural) => lines.filter((line) => line.includes(`/${plural}: `)).length >= times),
  );
}

const ALL = ['shop/a', 'shop/b', 'shop/c', 'shop/d', 'shop/e', 'shop/f', 'shop/g'];

/** Checks that the source receives changes and has removed no existing object. */
async function expectAlive(running: Running): Promise<void> {
  await stage.expectAlive(running);
  expect(running.sink.removed.filter((key) => key !== 'Service shop/alive')).toEqual([]);
}

const lists = () =>
  simulator.requests.filter((line) => /^GET \/api\/v1\/services(\?|$)(?!.*watch)/.test(line));
const streams = () => simulator.requests.filter((line) => /services\?.*sendInitialEvents/.test(line));

// A real server has no faults on demand, so these tests use the simulator.
describe.skipIf(unlessSimulated('faults', 'it has none on demand'))('faults', () => {
  describe('lists', () => {
    test('a server without streaming lists: pages', async () => {
      simulator.faults.noStreamingLists = true;
      simulator.requests.length = 0;
      const running = await synced(stage.start());
      expect(running.sink.keys('Service')).toEqual(ALL);
      expect(lists().filter((line) => line.includes('limit=3'))).toHaveLength(3);
      await expectAlive(running);
    });

    test('410 in the middle of paging: listed again, without pages', async () => {
      simulator.faults.noStreamingLists = true;
      simulator.requests.length = 0;
      simulator.faults.listsExpire = true;
      const running = await synced(stage.start());
      expect(lists().some((line) => line.includes('continue='))).toBe(true);
      expect(lists().at(-1)).not.toMatch(/limit|continue/);
      expect(running.sink.keys('Service')).toEqual(ALL);
      simulator.faults.listsExpire = false;
      await expectAlive(running);
    });

    test('a streaming list that is cut, then pages', async () => {
      simulator.faults.cutNextEvent.add('services');
      const running = await synced(stage.start());
      expect(running.sink.keys('Service')).toEqual(ALL);
      await expectAlive(running);
    });

    test('a streaming list that stalls, then pages', async () => {
      simulator.faults.stalled.add('services');
      const running = stage.start({ timings: { listIdle: 1_000 } });
      await until(lists, (all) => all.length > 0);
      simulator.faults.stalled.clear();
      await synced(running);
      await expectAlive(running);
    });

    test('a list that fails six times removes nothing', async () => {
      const running = await synced(stage.start());
      simulator.faults.refuse(6, (kinds) => kinds.unavailable(0), { plural: 'services' });
      await simulator.restart();
      await expectAlive(running);
    });

    test('an object that was deleted during a list is removed when the list is complete', async () => {
      const running = await synced(stage.start({ timings: { listIdle: LONG } }));
      await simulator.stop();
      const type = { group: '', version: 'v1', plural: 'services' };
      const found = simulator.types().find((each) => each.plural === type.plural);
      if (found === undefined) throw new Error('services');
      const gone = simulator.store.get(found, 'shop', 'c');
      if (gone === null) throw new Error('shop/c');
      simulator.store.remove(found, gone);
      simulator.store.compact();
      simulator.faults.stalled.add('services');
      await simulator.start();
      const before = streams().length;
      await until(streams, (all) => all.length > before);
      expect(running.sink.removed).toEqual([]);
      simulator.faults.stalled.clear();
      await until(
        () => running.sink.removed,
        (removed) => removed.length > 0,
      );
      expect(running.sink.removed).toEqual(['Service shop/c']);
    });
  });

  describe('watches', () => {
    test('a dropped connection: resumed at the last version, without a list', async () => {
      const running = await synced(stage.start());
      await expectAlive(running);
      const version = simulator.store.version;
      simulator.requests.length = 0;
      simulator.cutConnections();
      await expectAlive(running);
      expect(streams()).toEqual([]);
      expect(simulator.requests.filter((line) => /services\?.*watch/.test(line)).join()).toContain(
        `resourceVersion=${version}&`,
      );
      // One object, to learn the server's current version.
      expect(lists().every((line) => line.includes('limit=1'))).toBe(true);
      expect(running.sink.applied.filter((key) => key === 'Service shop/a')).toHaveLength(1);
    });

    test('half a line', async () => {
      const running = await synced(stage.start());
      simulator.faults.cutNextEvent.add('services');
      await expectAlive(running);
      expect(running.sink.problems()).toEqual([]);
    });

    test('answers in pieces of a few bytes, in the middle of characters', async () => {
      simulator.faults.tinyChunks = true;
      const running = await synced(stage.start());
      expect(running.sink.keys('Service')).toEqual(ALL);
      await expectAlive(running);
    });

    test('a line of a megabyte', async () => {
      const running = await synced(stage.start());
      const addresses = Array.from({ length: 5000 }, (_, at) => `10.2.${at >> 8}.${at & 255}`);
      const long = slice('long', 'a', addresses);
      const annotated = { ...long.metadata, annotations: { note: 'ü'.repeat(600_000) } };
      await stage.client.create({ ...long, metadata: annotated });
      const fact = await until(
        () => running.sink.facts.get('EndpointSlice shop/long'),
        (found) => found !== undefined,
      );
      expect(fact).toMatchObject({ endpoints: { length: 5000 } });
      await stage.client.remove(long);
    });

    test('a connection that stays silent is given up', async () => {
      const running = await synced(stage.start({ timings: { watchIdle: 500 } }));
      await expectAlive(running);
      simulator.faults.stalled.add('services');
      await stage.client.put(service('unseen'));
      await until(
        () => running.debug,
        (lines) => lines.some((line) => line.includes('said nothing')),
      );
      expect(running.sink.removed).toEqual(['Service shop/alive']);
      simulator.faults.stalled.clear();
      await until(
        () => running.sink.keys('Service'),
        (keys) => keys.includes('shop/unseen'),
      );
    });

    test('a watch that the server ends as planned resumes after its last event', async () => {
      const running = await synced(stage.start({ timings: { watchSecondsLeast: 1, watchSecondsMost: 1 } }));
      simulator.requests.length = 0;
      await until(
        () =>
          simulator.requests.filter((line) => /services\?.*resourceVersion=\d+.*timeoutSeconds=1/.test(line)),
        (found) => found.length >= 2,
      );
      expect([...lists(), ...streams()]).toEqual([]);
      await expectAlive(running);
    });

    test('410 as an event: listed again', async () => {
      const running = await synced(stage.start());
      simulator.store.advance(10);
      simulator.store.compact();
      simulator.cutConnections();
      await expectAlive(running);
    });

    test('410 as a status: listed again', async () => {
      const running = await synced(stage.start());
      simulator.requests.length = 0;
      simulator.faults.refuse(1, (kinds) => kinds.expiredList(), { plural: 'services', isWatch: true });
      simulator.cutConnections();
      await expectAlive(running);
      expect(streams()).not.toEqual([]);
    });

    test('events of one kind come later than those of another', async () => {
      const running = await synced(stage.start({ timings: { watchIdle: LONG } }));
      simulator.faults.stalled.add('services');
      await stage.client.put(service('late'));
      await stage.client.create(slice('late-1', 'late', ['10.3.0.1']));
      await until(
        () => running.sink.applied,
        (applied) => applied.includes('EndpointSlice shop/late-1'),
      );
      expect(running.sink.applied).not.toContain('Service shop/late');
      simulator.faults.stalled.clear();
      await until(
        () => running.sink.applied,
        (applied) => applied.includes('Service shop/late'),
      );
      await stage.client.remove(slice('late-1', 'late', []));
    });
  });

  describe('servers', () => {
    test('a restart removes nothing, and a short one is not reported', async () => {
      const running = await synced(stage.start());
      await simulator.restart(100);
      await expectAlive(running);
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
      await expectAlive(running);
    });

    describe('an outage is one line over all resources, and one when it is over', () => {
      // However long a busy machine takes, no group is away by itself, and no refusal lasts.
      const patient = { refusedAfter: 60_000, optionalPatience: 600_000 };
      const everything = Number.POSITIVE_INFINITY;
      const forbidden = (kinds: typeof refusals) =>
        kinds.forbidden('knat', 'list', { group: '', plural: 'services' } as never, '', '');
      const faults: [string, () => void, RegExp][] = [
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
      test.each(faults)('it answers %s', async (_, begin, line) => {
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
        await expectAlive(running);
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
        await expectAlive(running);
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
      const backup = await backupBeforeLost(running);
      simulator.store.restore(backup);
      simulator.cutConnections();
      await lostIsGone(running);
      expect(running.sink.keys('Service')).toEqual(ALL);
      expect(running.debug.some((line) => line.includes('went back'))).toBe(true);
    });

    test('a server that comes back with an older state and passes our version is listed again', async () => {
      const running = await synced(stage.start());
      const backup = await backupBeforeLost(running);
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
      const backup = await backupBeforeLost(running);
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
      expect([...streams(), ...lists()]).toHaveLength(2);
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

  describe('a group that another program serves', () => {
    const calico = { group: 'projectcalico.org' };

    test('cannot be reached: the source is in sync without it, since the program may need our NAT', async () => {
      simulator.faults.refuse(Number.POSITIVE_INFINITY, (kinds) => kinds.unavailable(0), calico);
      const running = await synced(stage.start());
      expect(running.sink.problems().join()).toMatch(/ippools\.projectcalico\.org.*: .*KNAT_API_UNAVAILABLE/);
      await expectAlive(running);
      simulator.faults.clear();
      await until(
        () => running.sink.problems(),
        (found) => found.length === 0,
      );
    });

    test('with a server that is away as a whole nothing is in sync', async () => {
      simulator.faults.refuse(Number.POSITIVE_INFINITY, (kinds) => kinds.unavailable(0));
      const running = stage.start();
      await until(
        () => running.sink.problems(),
        (found) => found.length > 0,
      );
      await failedAgain(running, 4);
      expect(running.sink.isSynced).toBe(false);
      simulator.faults.clear();
      await synced(running);
    });

    test('gets no request for a streaming list, since it may never end one', async () => {
      await stage.client.define('knat.dev', 'v1', 'ippools', 'IPPool');
      simulator.requests.length = 0;
      await synced(stage.start());
      const pools = await until(
        () => simulator.requests.filter((line) => line.includes('/ippools?')),
        (lines) => lines.some((line) => line.includes('watch=true')),
      );
      expect(pools.join('\n')).not.toContain('sendInitialEvents');
      expect(streams()).not.toEqual([]);
      await stage.client.remove(definition('knat.dev', 'v1', 'ippools', 'IPPool'));
    });
  });

  test('a role that loses and regains a right while watches run', async () => {
    const running = await synced(stage.start({ timings: { reportAfter: 50 } }));
    await stage.client.put(agentRole(rulesWithout('services')));
    simulator.cutConnections();
    await until(
      () => running.sink.problems(),
      (found) => found.some((line) => line.includes('KNAT_API_FORBIDDEN')),
    );
    expect(running.sink.keys('Service')).toEqual(ALL);
    await stage.client.put(agentRole());
    await expectAlive(running);
  });
});
