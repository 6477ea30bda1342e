/**
 * Pods with bindings that go: clients of their ports are told; those of a Pod that only loses its binding are not. And what
 * is left behind of ended connections. Both families.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { listRuleset, nft } from '../netns/namespace.ts';
import type { Dialled } from '../netns/stage.ts';
import {
  clusterIP,
  endsOf,
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
  waitUntil,
} from './gone-scene.ts';

/** Whether connection tracking begins in mid-stream. */
const LOOSE = '/proc/sys/net/netfilter/nf_conntrack_tcp_loose';
/** Of test/netns/sctp: what packets to the client, and to the server, must have. */
const [CLIENT_TAG, SERVER_TAG] = [1, 2];
/** A client that sends its FIN 1 s after it has connected; prints how the connection ended. */
const HALF_CLOSED = `
  const [localAddress, host] = process.argv.slice(1);
  const socket = require('node:net').connect({ host, port: 80, localAddress, allowHalfOpen: true });
  socket.on('connect', () => { socket.write('x'); setTimeout(() => socket.end(), 1000); });
  socket.on('error', ({ code }) => { console.log(code); process.exit(0); });
  socket.on('end', () => { console.log('end'); process.exit(0); });
  socket.resume();
  setTimeout(() => { console.log('nothing'); process.exit(0); }, 15000);`;
const ENDED = 'since the endpoint is gone';

let scene: GoneScene;

beforeAll(async () => {
  scene = await GoneScene.build();
});

afterAll(() => scene?.dispose());

beforeEach(() => scene.setUp());
afterEach(() => {
  writeFileSync(LOOSE, '1');
  return scene.tearDown();
});

function podObject(
  name: string,
  ips: Readonly<Record<string, string>>,
  { created = '2026-01-01T00:00:00Z', phase = 'Running', isBound = true } = {},
) {
  const entries = Object.values(node).map((srcIP) => ({
    srcPort: 2525,
    dstPort: 8080,
    ifaceAuto: false,
    srcIP,
  }));
  const annotations = isBound ? { 'bln.space/podnat': JSON.stringify({ entries }) } : {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'mail', uid: name, creationTimestamp: created, annotations },
    spec: { nodeName: 'n1' },
    status: {
      phase,
      podIPs: Object.values(ips).map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: phase === 'Running' ? 'True' : 'False' }],
    },
  };
}

describe.each(FAMILIES)('%s', (family) => {
  const bound: Dialled = { source: outside[family], address: node[family], port: 2525, protocol: 'TCP' };
  const fromPod: Dialled = { source: pod[family], address: clusterIP[family], port: 80, protocol: 'TCP' };
  const mail = podObject('mail-0', leaving);
  const next = podObject('mail-1', staying, { created: '2025-01-01T00:00:00Z' });
  const told = { [leaving[family]]: ['ECONNRESET'] };
  const spared = { [leaving[family]]: [null] };

  test.each([
    ['is deleted', []],
    ['has finished', [podObject('mail-0', leaving, { phase: 'Succeeded' })]],
    ['is replaced by one with another address', [podObject('mail-0', staying)]],
    ['is deleted, and the next one gets the port', [next]],
  ])(
    'a bound Pod that %s',
    async (_, after) => {
      scene.write([nodeObject, mail, next]);
      await scene.start();
      const held = await scene.holdAll(bound);
      await scene.kill(leaving[family]);
      scene.write([nodeObject, ...after]);
      await scene.logged(ENDED);
      await sleep(300);
      expect(await endsOf(held)).toEqual(told);
    },
    60_000,
  );

  test.each([
    [
      'loses its port to a newer Pod',
      [mail, podObject('newer', staying, { created: '2026-01-02T00:00:00Z' })],
    ],
    ['loses its annotation', [podObject('mail-0', leaving, { isBound: false })]],
  ])(
    'a bound Pod that %s keeps its connections',
    async (_, after) => {
      scene.write([nodeObject, mail]);
      await scene.start();
      const held = await scene.holdAll(bound);
      scene.write([nodeObject, ...after]);
      await sleep(1_000);
      expect(await endsOf(held)).toEqual(spared);
    },
    60_000,
  );

  test('a Pod that went while no agent ran', async () => {
    scene.write([nodeObject, mail]);
    await scene.start();
    const held = await scene.holdAll(bound);
    await scene.stop('SIGKILL');
    await scene.kill(leaving[family]);
    scene.write([nodeObject]);
    await scene.start();
    await scene.logged(ENDED);
    await sleep(300);
    expect(await endsOf(held)).toEqual(told);
  }, 60_000);

  test('the load-balancer IP, and no pick-up in mid-stream', async () => {
    const address = family === 'IPv4' ? '198.18.0.7' : '2001:db8:7::7';
    const service = {
      ...serviceObject({ type: 'LoadBalancer' }),
      status: { loadBalancer: { ingress: [{ ip: '198.18.0.7' }, { ip: '2001:db8:7::7' }] } },
    };
    writeFileSync(LOOSE, '0');
    scene.write([nodeObject, service, ...sliceObjects('ready', 'absent')]);
    await scene.start();
    const held = await scene.holdAll({ ...bound, address: address as Dialled['address'], port: 80 });
    await scene.kill(leaving[family]);
    scene.write([nodeObject, service, ...sliceObjects('absent', 'absent')]);
    await scene.logged(ENDED);
    await sleep(300);
    expect(await endsOf(held)).toEqual(told);
  }, 60_000);

  test('a new connection with the same ends is not reset for a segment outside of its window', async () => {
    const word = family === 'IPv6' ? 'ip6' : 'ip';
    const slices = sliceObjects('ready', 'absent');
    scene.write([nodeObject, serviceObject(), ...slices]);
    await scene.start();
    const dialled = { ...fromPod, sourcePort: 25_000 };
    const before = await scene.stage.hold(dialled);
    scene.write([nodeObject, serviceObject(), ...sliceObjects('absent', 'ready')]);
    await scene.logged(ENDED);
    await sleep(1_500);
    expect((await before()).ended).toBe('ECONNRESET');
    const after = await scene.stage.hold(dialled);
    await scene.stage.nftOf(
      pod[family],
      ['-f', '-'],
      `table inet seen { chain in { type filter hook input priority 0; ${word} saddr ${clusterIP[family]} tcp flags rst counter; }; }`,
    );
    await scene.stage.sendSegments(dialled, [1, 2 ** 30, 2 ** 31, 3 * 2 ** 30]);
    await sleep(300);
    const seen = await scene.stage.nftOf(pod[family], ['list', 'table', 'inet', 'seen']);
    await scene.stage.nftOf(pod[family], ['delete', 'table', 'inet', 'seen']);
    expect(seen).toContain('counter packets 0 ');
    expect((await after()).ended).toBeNull();
  }, 60_000);

  test('an SCTP association: both ends get an ABORT with the tag that they expect', async () => {
    const word = family === 'IPv6' ? 'ip6' : 'ip';
    const ports = [{ name: 'echo', protocol: 'SCTP', port: 80, nodePort: 30080 }];
    const slices = (condition: 'ready' | 'absent') =>
      sliceObjects(condition, 'absent').map((slice) => ({
        ...slice,
        ports: [{ name: 'echo', protocol: 'SCTP', port: 8080 }],
      }));
    scene.write([nodeObject, serviceObject({ ports }), ...slices('ready')]);
    await scene.stage.listen([{ address: leaving[family], protocol: 'SCTP', port: 8080 }]);
    await scene.start();
    const associated = await scene.stage.dial({ ...fromPod, protocol: 'SCTP' }, 4_000);
    expect(associated.outcome).toBe('answered');
    const aborts = [
      [pod[family], clusterIP[family], CLIENT_TAG],
      [leaving[family], pod[family], SERVER_TAG],
    ] as const;
    for (const [at, from, tag] of aborts) {
      const seen = `${word} saddr ${from} ${word} daddr ${at} meta l4proto sctp @th,96,8 6 @th,32,32 ${tag} counter`;
      await scene.stage.nftOf(
        at,
        ['-f', '-'],
        `table inet seen { chain in { type filter hook prerouting priority -400; ${seen}; }; }`,
      );
    }
    scene.write([nodeObject, serviceObject({ ports }), ...slices('absent')]);
    await scene.logged(ENDED);
    for (const [at] of aborts) {
      await waitUntil(async () => {
        const listed = await scene.stage.nftOf(at, ['list', 'table', 'inet', 'seen']);
        return /counter packets [1-9]/.test(listed);
      });
      await scene.stage.nftOf(at, ['delete', 'table', 'inet', 'seen']);
    }
  }, 60_000);

  test('a client that has closed its side, and waits for the rest of the answer', async () => {
    scene.write([nodeObject, serviceObject(), ...sliceObjects('ready', 'absent')]);
    await scene.start();
    const host = scene.stage.hostOf(pod[family]);
    const client = host.run([process.execPath, '-e', HALF_CLOSED, pod[family], clusterIP[family]]);
    await waitUntil(() => flowsTo(leaving[family]) > 0);
    await sleep(300); // it has connected, and waits
    await scene.kill(leaving[family]);
    await sleep(1_500); // it has closed its side
    scene.write([nodeObject, serviceObject(), ...sliceObjects('absent', 'absent')]);
    expect(await client).toContain('ECONNRESET');
  }, 60_000);

  test.each([
    ['the ClusterIP', fromPod],
    ['a bound port', bound],
  ])(
    'a server that lives on has no connection of %s left',
    async (_, dialled) => {
      const server = scene.stage.hostOf(leaving[family]);
      // Of these clients alone: servers whose clients were cut off by an earlier test still wait for them.
      const clients = ['dst', `[${dialled.source}]`, 'dport', 'lt', ':25000'];
      const established = () => server.run(['ss', '-Htn', 'state', 'established', ...clients]);
      scene.write([nodeObject, mail, serviceObject(), ...sliceObjects('ready', 'absent')]);
      await scene.start();
      const held = await scene.holdAll(dialled);
      expect((await established()).trim().split('\n')).toHaveLength(held.length);
      scene.write([nodeObject, serviceObject(), ...sliceObjects('absent', 'absent')]);
      await scene.logged(ENDED);
      await waitUntil(async () => (await established()) === '');
      expect(await endsOf(held)).toEqual(told);
    },
    60_000,
  );

  test('a Service that is created again, and its slices replaced a moment later', async () => {
    scene.write([nodeObject, serviceObject(), ...sliceObjects('ready')]);
    await scene.start();
    const held = await scene.holdAll(fromPod);
    scene.write([nodeObject, ...sliceObjects('ready')]);
    await sleep(300);
    scene.write([nodeObject, serviceObject(), ...sliceObjects('ready')]);
    await sleep(300);
    scene.write([nodeObject, serviceObject()]); // the garbage collector takes those of the former Service
    await sleep(1_000);
    scene.write([
      nodeObject,
      serviceObject(),
      ...sliceObjects('ready', 'ready', { name: 'fresh', service: 'web' }),
    ]);
    await sleep(1_000);
    expect(await endsOf(held)).toEqual({ [leaving[family]]: [null], [staying[family]]: [null] });
  }, 60_000);

  test('an endpoint that is away for a moment, and one that only this node does not use', async () => {
    scene.write([nodeObject, serviceObject(), ...sliceObjects('ready')]);
    await scene.start();
    const held = await scene.holdAll(fromPod);
    scene.write([nodeObject, serviceObject(), ...sliceObjects('absent')]);
    await sleep(60);
    scene.write([nodeObject, serviceObject(), ...sliceObjects('ready')]);
    await sleep(600);
    const elsewhere = sliceObjects('ready').map((slice) => ({
      ...slice,
      endpoints: slice.endpoints.map((one) => ({ ...one, nodeName: 'n2' })),
    }));
    const local = serviceObject({ internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' });
    scene.write([nodeObject, local, ...elsewhere]);
    await sleep(600);
    expect(await endsOf(held)).toEqual({ [leaving[family]]: [null], [staying[family]]: [null] });
    expect(await scene.stop()).not.toContain(ENDED);
  }, 60_000);
});

test('what remembers ended connections goes once it is empty, though the next agent ends none', async () => {
  const dialled: Dialled = { source: pod.IPv4, address: clusterIP.IPv4, port: 80, protocol: 'TCP' };
  const tables = () => listRuleset();
  scene.write([nodeObject, serviceObject(), ...sliceObjects('ready', 'absent')]);
  await scene.start();
  const held = await scene.holdAll(dialled);
  scene.write([nodeObject, serviceObject(), ...sliceObjects('absent', 'absent')]);
  await scene.logged(ENDED);
  expect(await endsOf(held)).toEqual({ [leaving.IPv4]: ['ECONNRESET'] });
  expect(tables()).toContain('knat_gone');
  await scene.stop('SIGKILL');
  nft('flush set ip knat_gone gone'); // as time does
  await scene.start('--on-endpoint-gone', 'keep');
  await waitUntil(() => !tables().includes('knat_gone'));
}, 60_000);
