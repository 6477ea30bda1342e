import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { node, pool, service } from './manifests.ts';
import { until } from './recorder.ts';
import { type LieName, lies } from './simulator/lies.ts';
import type { Simulator } from './simulator/simulator.ts';
import { type Running, Stage, synced } from './stage.ts';
import { startSimulator, unlessSimulated } from './start-cluster.ts';

/**
 * A server that answers wrongly with status 200, and watches that lose, repeat or reorder events: no object is lost that
 * the server has, and in the end the facts equal its objects.
 */

let stage: Stage;
let simulator: Simulator;

beforeAll(async () => {
  const cluster = await startSimulator();
  simulator = cluster.simulator;
  stage = new Stage(cluster);
  await stage.prepare();
  await stage.client.create(node('node-a', '192.0.2.1'));
  await stage.client.define('crd.projectcalico.org', 'v1', 'ippools', 'IPPool');
  await stage.client.create(pool('rack', '10.8.0.0/16'));
});

beforeEach(async () => {
  for (const name of ['a', 'b', 'c', 'd']) await stage.client.put(service(name));
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

const ALL = ['shop/a', 'shop/b', 'shop/c', 'shop/d'];
/** What only ends after minutes where a list is asked for: they are told to watches. */
const LONG: readonly LieName[] = ['an answer without end', 'spaces without end', 'lines without content'];
/** Lists that look right. */
const LISTS: readonly LieName[] = [
  'items that are no list',
  'objects without a name',
  'a list without a version',
  'pages without end',
];
const EVERY = Number.POSITIVE_INFINITY;

/** Nothing that the server still has was removed, and changes arrive. */
async function expectRecovered(running: Running): Promise<void> {
  simulator.faults.clear();
  await stage.expectAlive(running);
  await until(
    () => running.sink.keys('Service'),
    (keys) => keys.join() === ALL.join(),
  );
  expect(running.sink.keys('IPPool')).toEqual(['rack']);
  expect(running.sink.removed.filter((key) => !key.endsWith('/alive'))).toEqual([]);
}

/** Waits until requests of Services and of pools have failed so often more. */
async function failed({ debug }: Running, times: number): Promise<void> {
  const from = debug.length;
  const told = (plural: string) => debug.slice(from).filter((line) => line.includes(`/${plural}: `)).length;
  await until(
    () => Math.min(told('services'), told('ippools')),
    (count) => count >= times,
  );
}

const names = Object.keys(lies) as LieName[];

const PATIENCE = 90_000;

describe.skipIf(unlessSimulated('lies', 'it tells none on demand'))('a server that lies', () => {
  test.each([...names.map((name) => [name, false] as const), ...LISTS.map((name) => [name, true] as const)])(
    'to a running agent: %s; pages: %s',
    async (name, noStreamingLists) => {
      simulator.faults.noStreamingLists = noStreamingLists;
      const running = await synced(stage.start());
      simulator.faults.lie(EVERY, lies[name], LONG.includes(name) ? { isWatch: true } : {});
      // Old versions are forgotten, so that watches end in lists.
      simulator.store.advance(10);
      simulator.store.compact();
      simulator.cutConnections();
      await failed(running, 2);
      await expectRecovered(running);
    },
    PATIENCE,
  );

  test.each(LISTS)(
    'to an agent that starts: %s',
    async (name) => {
      simulator.faults.lie(EVERY, lies[name]);
      const running = stage.start();
      await failed(running, 2);
      expect(running.sink.isSynced).toBe(false);
      simulator.faults.clear();
      await synced(running);
      await expectRecovered(running);
    },
    PATIENCE,
  );

  describe('about the events of a watch', () => {
    /** Waits until the source has what the server has, and lists where that needs one. */
    async function expectTold(running: Running): Promise<void> {
      await until(
        async () => (await stage.client.list('/api/v1/services')).map(({ metadata }) => metadata.name).sort(),
        (there) => running.sink.keys('Service').join() === there.map((name) => `shop/${name}`).join(),
      );
      await expectRecovered(running);
    }

    const isService = (line: string, type: string, name: string) =>
      line.startsWith(`{"type":"${type}"`) && line.includes(`"name":"${name}"`);

    test('each event comes twice', async () => {
      const running = await synced(stage.start());
      simulator.faults.lines.set('services', (line) => [line, line]);
      await stage.expectAlive(running);
      await expectTold(running);
    });

    test('a removal comes once more after the object was made anew', async () => {
      const running = await synced(stage.start());
      let removal = '';
      simulator.faults.lines.set('services', (line) => {
        if (isService(line, 'DELETED', 'a')) removal = line;
        return isService(line, 'ADDED', 'a') ? [line, removal] : [line];
      });
      await stage.client.remove(service('a'));
      await stage.client.put(service('a'));
      await until(
        () => running.debug.join(),
        (text) => text.includes('the watch went back'),
      );
      simulator.faults.clear();
      await until(
        () => running.sink.keys('Service'),
        (keys) => keys.join() === ALL.join(),
      );
    });

    test('two events in the wrong order', async () => {
      const running = await synced(stage.start());
      const held: string[] = [];
      simulator.faults.lines.set('services', (line) => {
        if (line.startsWith('{"type":"BOOKMARK"')) return [];
        held.push(line);
        return held.length < 2 ? [] : held.splice(0).reverse();
      });
      await stage.client.put(service('a', 81));
      await stage.client.put(service('a', 82));
      await until(
        () => running.debug.join(),
        (text) => text.includes('the watch went back'),
      );
      simulator.faults.clear();
      await until(
        () => JSON.stringify(running.sink.facts.get('Service shop/a')),
        (text) => text.includes('82'),
      );
    });

    test('an event is lost without a trace: the next list finds it', async () => {
      const running = await synced(
        stage.start({ timings: { relistAfter: 500, watchSecondsLeast: 1, watchSecondsMost: 1 } }),
      );
      let isLost = false;
      simulator.faults.lines.set('services', (line) => {
        if (isLost || !isService(line, 'ADDED', 'lost')) return [line];
        isLost = true;
        return [];
      });
      await stage.client.put(service('lost'));
      await until(
        () => running.sink.keys('Service'),
        (keys) => keys.includes('shop/lost'),
      );
    });

    test.each([
      '{"type":"DELETED","object":{"kind":"Service","metadata":{"resourceVersion":"9999"}}}\n',
      '{"type":"DELETED","object":{"kind":"Secret","metadata":{"name":"a","namespace":"shop"}}}\n',
      '{"type":"GONE","object":{"kind":"Service","metadata":{"name":"a","namespace":"shop"}}}\n',
      '{"type":"DELETED","object":["shop/a"]}\n',
    ])('what is no event of this kind: %s', async (line) => {
      const running = await synced(stage.start());
      simulator.faults.lines.set('services', () => [line]);
      await until(
        () => running.debug.filter((each) => each.includes('/services: ')),
        (lines) => lines.length > 0,
      );
      await expectRecovered(running);
    });

    test('bookmarks are missing', async () => {
      const running = await synced(stage.start());
      simulator.faults.lines.set('services', (line) => (line.startsWith('{"type":"BOOKMARK"') ? [] : [line]));
      await stage.expectAlive(running);
      await expectRecovered(running);
    });
  });
});
