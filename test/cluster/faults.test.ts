import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { agentRole, rulesWithout } from './agent-role.ts';
import { definition } from './cluster-client.ts';
import { ALL, FaultStage, failedAgain, LONG } from './fault-stage.ts';
import { service, slice } from './manifests.ts';
import { until } from './recorder.ts';
import type { Simulator } from './simulator/simulator.ts';
import { type Stage, synced } from './stage.ts';
import { unlessSimulated } from './start-cluster.ts';

/** Ways in which a list, a watch or a group of the API fails, by name; in the end the facts equal the server's objects. */

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
describe.skipIf(unlessSimulated('faults', 'it has none on demand'))('faults of lists and watches', () => {
  describe('lists', () => {
    test('a server without streaming lists: pages', async () => {
      simulator.faults.noStreamingLists = true;
      simulator.requests.length = 0;
      const running = await synced(stage.start());
      expect(running.sink.keys('Service')).toEqual(ALL);
      expect(faults.lists().filter((line) => line.includes('limit=3'))).toHaveLength(3);
      await faults.expectAlive(running);
    });

    test('410 in the middle of paging: listed again, without pages', async () => {
      simulator.faults.noStreamingLists = true;
      simulator.requests.length = 0;
      simulator.faults.listsExpire = true;
      const running = await synced(stage.start());
      expect(faults.lists().some((line) => line.includes('continue='))).toBe(true);
      expect(faults.lists().at(-1)).not.toMatch(/limit|continue/);
      expect(running.sink.keys('Service')).toEqual(ALL);
      simulator.faults.listsExpire = false;
      await faults.expectAlive(running);
    });

    test('a streaming list that is cut, then pages', async () => {
      simulator.faults.cutNextEvent.add('services');
      const running = await synced(stage.start());
      expect(running.sink.keys('Service')).toEqual(ALL);
      await faults.expectAlive(running);
    });

    test('a streaming list that stalls, then pages', async () => {
      simulator.faults.stalled.add('services');
      const running = stage.start({ timings: { listIdle: 1_000 } });
      await until(
        () => faults.lists(),
        (all) => all.length > 0,
      );
      simulator.faults.stalled.clear();
      await synced(running);
      await faults.expectAlive(running);
    });

    test('a list that fails six times removes nothing', async () => {
      const running = await synced(stage.start());
      simulator.faults.refuse(6, (kinds) => kinds.unavailable(0), { plural: 'services' });
      await simulator.restart();
      await faults.expectAlive(running);
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
      const before = faults.streams().length;
      await until(
        () => faults.streams(),
        (all) => all.length > before,
      );
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
      await faults.expectAlive(running);
      const version = simulator.store.version;
      simulator.requests.length = 0;
      simulator.cutConnections();
      await faults.expectAlive(running);
      expect(faults.streams()).toEqual([]);
      expect(simulator.requests.filter((line) => /services\?.*watch/.test(line)).join()).toContain(
        `resourceVersion=${version}&`,
      );
      // One object, to learn the server's current version.
      expect(faults.lists().every((line) => line.includes('limit=1'))).toBe(true);
      expect(running.sink.applied.filter((key) => key === 'Service shop/a')).toHaveLength(1);
    });

    test('half a line', async () => {
      const running = await synced(stage.start());
      simulator.faults.cutNextEvent.add('services');
      await faults.expectAlive(running);
      expect(running.sink.problems()).toEqual([]);
    });

    test('answers in pieces of a few bytes, in the middle of characters', async () => {
      simulator.faults.tinyChunks = true;
      const running = await synced(stage.start());
      expect(running.sink.keys('Service')).toEqual(ALL);
      await faults.expectAlive(running);
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
      await faults.expectAlive(running);
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
      expect([...faults.lists(), ...faults.streams()]).toEqual([]);
      await faults.expectAlive(running);
    });

    test('410 as an event: listed again', async () => {
      const running = await synced(stage.start());
      simulator.store.advance(10);
      simulator.store.compact();
      simulator.cutConnections();
      await faults.expectAlive(running);
    });

    test('410 as a status: listed again', async () => {
      const running = await synced(stage.start());
      simulator.requests.length = 0;
      simulator.faults.refuse(1, (kinds) => kinds.expiredList(), { plural: 'services', isWatch: true });
      simulator.cutConnections();
      await faults.expectAlive(running);
      expect(faults.streams()).not.toEqual([]);
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

  describe('a group that another program serves', () => {
    const calico = { group: 'projectcalico.org' };

    test('cannot be reached: the source is in sync without it, since the program may need our NAT', async () => {
      simulator.faults.refuse(Number.POSITIVE_INFINITY, (kinds) => kinds.unavailable(0), calico);
      const running = await synced(stage.start());
      expect(running.sink.problems().join()).toMatch(/ippools\.projectcalico\.org.*: .*KNAT_API_UNAVAILABLE/);
      await faults.expectAlive(running);
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
      expect(faults.streams()).not.toEqual([]);
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
    await faults.expectAlive(running);
  });
});
