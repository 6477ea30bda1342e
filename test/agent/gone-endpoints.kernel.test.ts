/**
 * An endpoint that no slice lists any more: clients of its connections are told, those that send and those that only wait,
 * whatever they dialled; connections to other endpoints go on. Both families.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Dialled } from '../netns/stage.ts';
import {
  clusterIP,
  endsOf,
  external,
  FAMILIES,
  flowsTo,
  GoneScene,
  leaving,
  node,
  nodeObject,
  outside,
  pod,
  serviceObject,
  sliceObjects,
  staying,
  type TestFamily,
  waitUntil,
} from './gone-scene.ts';

const ENDED = 'since the endpoint is gone';

/** Who dials what. */
const WAYS: Readonly<Record<string, (family: TestFamily) => Dialled>> = {
  'a pod, the ClusterIP': (family) => dial(pod[family], clusterIP[family], 80),
  'the node, the ClusterIP': (family) => dial(node[family], clusterIP[family], 80),
  'a client outside, the node port': (family) => dial(outside[family], node[family], 30080),
  'a client outside, the external IP': (family) => dial(outside[family], external[family], 80),
};

function dial(source: Dialled['source'], address: Dialled['address'], port: number): Dialled {
  return { source, address, port, protocol: 'TCP' };
}

let scene: GoneScene;

beforeAll(async () => {
  scene = await GoneScene.build();
});

afterAll(() => scene?.dispose());

beforeEach(() => scene.setUp());
afterEach(() => scene.tearDown());

describe.each(FAMILIES)('%s', (family) => {
  const goneAlone = { [leaving[family]]: ['ECONNRESET'], [staying[family]]: [null] };
  const none = { [leaving[family]]: [null], [staying[family]]: [null] };
  const fromPod = dial(pod[family], clusterIP[family], 80);

  describe.each(Object.entries(WAYS))('%s', (_, dialled) => {
    test.each([
      ['that has died', true],
      ['that lives on', false],
    ])(
      'an endpoint %s: who sends and who waits is told',
      async (__, dies) => {
        scene.write([nodeObject, serviceObject(), ...sliceObjects('ready')]);
        await scene.start();
        const held = await scene.holdAll(dialled(family));
        if (dies) await scene.kill(leaving[family]);
        scene.write([nodeObject, serviceObject(), ...sliceObjects('absent')]);
        await scene.logged(ENDED);
        expect(flowsTo(leaving[family])).toBe(0);
        await sleep(300);
        expect(await endsOf(held)).toEqual(goneAlone);
      },
      60_000,
    );
  });

  test.each([
    ['no other endpoint', serviceObject(), dial(pod[family], clusterIP[family], 80)],
    ['no other endpoint, of a node port', serviceObject(), dial(outside[family], node[family], 30080)],
    [
      'session affinity',
      serviceObject({ sessionAffinity: 'ClientIP' }),
      dial(pod[family], clusterIP[family], 80),
    ],
    [
      'policy Local',
      serviceObject({ externalTrafficPolicy: 'Local' }),
      dial(outside[family], node[family], 30080),
    ],
    ['the client itself (hairpin)', serviceObject(), dial(staying[family], clusterIP[family], 80)],
  ])(
    'a Service with %s',
    async (_, service, dialled) => {
      scene.write([nodeObject, service, ...sliceObjects('ready', 'ready')]);
      await scene.start();
      const held = await scene.holdAll(dialled);
      const before = new Set(held.map(({ endpoint }) => endpoint));
      for (const each of [leaving, staying])
        if (dialled.source !== each[family]) await scene.kill(each[family]);
      scene.write([nodeObject, service, ...sliceObjects('absent', 'absent')]);
      await scene.logged(ENDED);
      await waitUntil(() => flowsTo(leaving[family]) + flowsTo(staying[family]) === 0);
      await sleep(300);
      expect(await endsOf(held)).toEqual(
        Object.fromEntries([...before].map((endpoint) => [endpoint, ['ECONNRESET']])),
      );
    },
    60_000,
  );

  test('keep: nobody is told', async () => {
    scene.write([nodeObject, serviceObject(), ...sliceObjects('ready')]);
    await scene.start('--on-endpoint-gone', 'keep');
    const held = await scene.holdAll(fromPod);
    scene.write([nodeObject, serviceObject(), ...sliceObjects('absent')]);
    await sleep(1_500);
    expect(await endsOf(held)).toEqual(none);
  }, 60_000);

  test('an endpoint that drains, is not ready, or moves to another slice is never touched', async () => {
    scene.write([nodeObject, serviceObject(), ...sliceObjects('ready')]);
    await scene.start();
    const held = await scene.holdAll(fromPod);
    for (const condition of ['draining', 'unready', 'ready'] as const) {
      scene.write([nodeObject, serviceObject(), ...sliceObjects(condition)]);
      await sleep(500);
    }
    scene.write(sliceObjects('ready', 'ready', { name: 'other', service: 'web' }), 'more');
    scene.write([nodeObject, serviceObject()]);
    await sleep(1_000);
    expect(await endsOf(held)).toEqual(none);
    expect(await scene.stop()).not.toContain(ENDED);
  }, 60_000);

  test('of two Services with the endpoint, only the one that lost it', async () => {
    const other = serviceObject(
      {
        type: 'ClusterIP',
        clusterIPs: [pool(1), pool6(1)],
        externalIPs: [],
        ports: [{ name: 'echo', port: 80 }],
      },
      'other',
    );
    const slices = sliceObjects('ready', 'ready', { name: 'other' });
    scene.write([other, ...slices], 'more');
    scene.write([nodeObject, serviceObject(), ...sliceObjects('ready')]);
    await scene.start();
    const held = await scene.holdAll(fromPod);
    const address = family === 'IPv4' ? pool(1) : pool6(1);
    const others = await scene.holdAll({ ...fromPod, address: address as Dialled['address'] });
    const straight = await scene.stage.hold(dial(pod[family], leaving[family], 8080));
    scene.write([nodeObject, serviceObject(), ...sliceObjects('absent')]);
    await scene.logged(ENDED);
    await sleep(500);
    expect(await endsOf(held)).toEqual(goneAlone);
    expect(await endsOf(others)).toEqual(none);
    expect((await straight()).ended).toBeNull();
  }, 60_000);

  test('an endpoint that went while no agent ran; not before everything could be read', async () => {
    scene.write([nodeObject, serviceObject(), ...sliceObjects('ready')]);
    await scene.start();
    const held = await scene.holdAll(fromPod);
    await scene.stop('SIGKILL');
    await scene.kill(leaving[family]);
    scene.write([nodeObject, serviceObject(), ...sliceObjects('absent')]);
    scene.writeGarbage('more');
    await scene.start();
    await sleep(1_000);
    expect(flowsTo(leaving[family])).toBeGreaterThan(0);
    scene.remove('more');
    await scene.logged(ENDED);
    await sleep(300);
    expect(await endsOf(held)).toEqual(goneAlone);
  }, 60_000);

  test('a Service that is deleted', async () => {
    scene.write([nodeObject, serviceObject(), ...sliceObjects('ready')]);
    await scene.start();
    const held = await scene.holdAll(fromPod);
    scene.write([nodeObject]);
    await sleep(1_000);
    expect(flowsTo(leaving[family])).toBeGreaterThan(0);
    await scene.logged(ENDED);
    await waitUntil(() => flowsTo(leaving[family]) + flowsTo(staying[family]) === 0);
    await sleep(300);
    expect(await endsOf(held)).toEqual({
      [leaving[family]]: ['ECONNRESET'],
      [staying[family]]: ['ECONNRESET'],
    });
  }, 60_000);

  test('a new connection with the same ends is let through', async () => {
    scene.write([nodeObject, serviceObject(), ...sliceObjects('ready', 'absent')]);
    await scene.start();
    const dialled = { ...fromPod, sourcePort: 25_000 };
    const before = await scene.stage.hold(dialled);
    scene.write([nodeObject, serviceObject(), ...sliceObjects('absent', 'ready')]);
    await scene.logged(ENDED);
    await sleep(300);
    expect((await before()).ended).toBe('ECONNRESET');
    const after = await scene.stage.hold(dialled);
    await sleep(1_500);
    const { ended, answers } = await after();
    expect(ended).toBeNull();
    expect(answers).toBeGreaterThan(5);
  }, 60_000);
});

function pool(index: number): string {
  return `10.96.0.${100 + index}`;
}

function pool6(index: number): string {
  return `fd00:96::${100 + index}`;
}
