/**
 * The faults of podnat-controller that must not come back (README.md here has the list), those that need no agent:
 * objects come and go, and real packets say who has the port.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { defaultPodNatOptions } from '../../src/sources/objects/metadata.ts';
import { parsePodNatAnnotation } from '../../src/sources/objects/pod-nat-annotation.ts';
import { natEntry } from '../generators/build.ts';
import type { Stage } from '../netns/stage.ts';
import {
  address,
  answererOf,
  buildStage,
  gone,
  manual,
  PodNatNode,
  port,
  smtp,
  sourceSeen,
  there,
} from './pod-nat-scene.ts';

let stage: Stage;
let node: PodNatNode;

beforeAll(async () => {
  stage = await buildStage();
});
afterAll(() => stage.dispose());
beforeEach(() => {
  node = new PodNatNode(stage);
});
afterEach(() => node.end());

const podA = smtp({ name: 'a', uid: 'uid-a', createdAt: 1000 }, [natEntry()]);
const podB = smtp({ name: 'b', uid: 'uid-b', createdAt: 2000, ips: [address.podB] }, [natEntry()]);
const A = '10.244.1.5:25';
const B = '10.244.1.6:25';
const smtpAnswer = (protocol: 'TCP' | 'UDP' = 'TCP') => answererOf(stage, 'client', 'public', 25, protocol);

test('two claimants flap at each resync', async () => {
  await node.apply(there(podA), there(podB));
  for (let resync = 0; resync < 4; resync++) {
    const order = resync % 2 === 0 ? [podA, podB] : [podB, podA];
    const report = await node.apply(...order.map((fact) => there(structuredClone(fact))));
    expect(report).toMatchObject({ skeleton: 'kept', elementsAdded: 0, elementsDeleted: 0 });
    expect(await smtpAnswer()).toBe(B);
  }
});

test('a rolling update leaves nothing until the next resync', async () => {
  await node.apply(there(podA));
  await node.apply(there({ ...podB, ready: false }));
  expect(await smtpAnswer()).toBe(A);
  await node.apply(there(podB));
  expect(await smtpAnswer()).toBe(B);
  await node.apply(there({ ...podA, terminating: true }));
  await node.apply(gone('a'));
  expect(await smtpAnswer()).toBe(B);
});

test('the loser is not promoted', async () => {
  await node.apply(there(podA), there(podB));
  expect(await smtpAnswer()).toBe(B);
  await node.apply(gone('b'));
  expect(await smtpAnswer()).toBe(A);
  expect(node.planner.plan.conflicts.size).toBe(0);
});

test('a delete event creates a rule to a dead address', async () => {
  await node.apply(there(podA));
  await node.apply(gone('a'));
  await node.apply(gone('a'));
  expect(await node.elements()).toEqual({});
  expect(await smtpAnswer()).toBe('nobody');
});

test('tcp and udp on one port collide', async () => {
  const dns = smtp({ name: 'b', uid: 'uid-b', createdAt: 2000, ips: [address.podB] }, [
    natEntry({ protocol: 'UDP' }),
  ]);
  await node.apply(there(podA), there(dns));
  expect([await smtpAnswer('TCP'), await smtpAnswer('UDP')]).toEqual([A, B]);
});

test('a proto edit is ignored', async () => {
  await node.apply(there(podA));
  await node.apply(there(smtp({ name: 'a', uid: 'uid-a' }, [natEntry({ protocol: 'UDP' })])));
  expect([await smtpAnswer('TCP'), await smtpAnswer('UDP')]).toEqual(['nobody', A]);
});

test('removed entries and removed or broken annotations leave rules', async () => {
  const second = natEntry({ sourcePort: port(26), destinationPort: port(26) });
  const both = there({ ...podA, nat: { entries: [natEntry(), second], error: null, warnings: [] } });
  await node.apply(both);
  expect(await answererOf(stage, 'client', 'public', 26)).toBe('10.244.1.5:26');
  await node.apply(there(podA));
  expect(await answererOf(stage, 'client', 'public', 26)).toBe('nobody');
  expect(await smtpAnswer()).toBe(A);
  for (const broken of [
    '{"entries":[{"srcPort":25,"dstPort":25},{"srcPort":22,"dstPort":2}]}',
    '{"entries":[',
    '',
  ]) {
    await node.apply(there({ ...podA, nat: parsePodNatAnnotation(broken, defaultPodNatOptions) }));
    expect([await smtpAnswer(), await node.elements()]).toEqual(['nobody', {}]);
    await node.apply(both);
    expect(await smtpAnswer()).toBe(A);
  }
  await node.apply(there({ ...podA, nat: null }));
  expect([await smtpAnswer(), await node.elements()]).toEqual(['nobody', {}]);
});

test('rules of the last pod never expire', async () => {
  await node.apply(there(podA), there(podB));
  await node.apply(gone('b'), gone('a'));
  expect(await node.elements()).toEqual({});
  expect(await sourceSeen(stage, 'podA', 'outside')).toBe(address.podA);
});

test('a restart after 10 minutes deletes live rules', async () => {
  const old = { ...podA, createdAt: 1000 };
  await node.apply(there(old));
  const report = await node.restart(there(old));
  expect(report).toMatchObject({ skeleton: 'kept', elementsAdded: 0, elementsDeleted: 0 });
  expect(await smtpAnswer()).toBe(A);
});

test('stale entries panic', async () => {
  await node.apply(there(podA), there(podB));
  await node.restart(there(podA));
  expect(await smtpAnswer()).toBe(A);
  expect(await node.elements()).toEqual({ bindings: 1, pod_sources: 1 });
});

test('one bad srcIP blocks all pods', async () => {
  const foreign = natEntry({ ...manual('outside') });
  const bad = smtp({ name: 'bad', uid: 'uid-c', createdAt: 3000, ips: [address.podB] }, [foreign]);
  await node.apply(there(bad), there(podA));
  expect(await smtpAnswer()).toBe(A);
  // Of one pod, too: the other entries hold.
  await node.apply(
    gone('a'),
    there({ ...podA, name: 'c', nat: { entries: [foreign, natEntry()], error: null, warnings: [] } }),
  );
  expect(await smtpAnswer()).toBe(A);
});

test('a srcIP that is not local is hijacked', async () => {
  await node.apply(there(smtp({}, [natEntry({ ...manual('outside') })])));
  expect(await answererOf(stage, 'client', 'outside')).toBe('198.51.100.80:25');
  expect([...node.planner.plan.notices()].map(({ code }) => code)).toEqual(['NatAddressNotLocal']);
});

test('a host-network pod SNATs the node', async () => {
  await node.apply(there(smtp({ hostNetwork: true, ips: [address.second] }, [natEntry()])));
  expect(await sourceSeen(stage, 'second', 'outside')).toBe(address.second);
  expect(await node.elements()).toEqual({});
  expect([...node.planner.plan.notices()].map(({ code }) => code)).toEqual(['NatHostNetwork']);
});

test('hairpin times out', async () => {
  await node.apply(there(podA));
  expect(await answererOf(stage, 'podA', 'public')).toBe(A);
  // A pod that gets a packet from its own address throws it away: the source has to be the node's.
  expect(await sourceSeen(stage, 'podA', 'public')).toBe(address.public);
});

test('access from another pod and from the node itself is refused', async () => {
  await node.apply(there(podA));
  expect(await answererOf(stage, 'podB', 'public')).toBe(A);
  expect(await answererOf(stage, 'public', 'public')).toBe(A);
  expect(await answererOf(stage, 'second', 'public')).toBe(A);
});

test('stale UDP flows', async () => {
  const entries = [natEntry({ protocol: 'UDP' })];
  const [a, b] = [podA, podB].map((fact) => ({ ...fact, nat: { entries, error: null, warnings: [] } }));
  if (a === undefined || b === undefined) throw new Error('two pods');
  // One client that keeps its port, as resolvers and media do.
  const sent = () => answererOf(stage, 'client', 'public', 25, 'UDP', 32_100);
  await node.apply(there(a));
  expect(await sent()).toBe(A);
  await node.apply(there(b));
  expect(await sent()).toBe(B);
  await node.apply(gone('b'));
  expect(await sent()).toBe(A);
  await node.apply(gone('a'));
  expect(await sent()).toBe('nobody');
});

test('a shared rule vanishes for a moment', async () => {
  await node.apply(there(podA), there(podB));
  // The loser goes and comes back: the winner's rule is not touched, not even within one transaction.
  const written = (report: { elementsAdded: number; elementsDeleted: number }) =>
    report.elementsAdded + report.elementsDeleted;
  for (let round = 0; round < 3; round++) {
    expect(written(await node.apply(gone('a')))).toBe(2); // the source address of its own
    expect(await smtpAnswer()).toBe(B);
    expect(written(await node.apply(there(podA)))).toBe(2);
    expect(await smtpAnswer()).toBe(B);
  }
});

test('the egress address follows the order of a map', async () => {
  const first = natEntry({ ...manual('second') });
  const other = natEntry({ sourcePort: port(26), destinationPort: port(26) });
  for (const [entries, expected] of [
    [[first, other], address.second],
    [[other, first], address.public],
  ] as const) {
    for (let round = 0; round < 3; round++) {
      await node.apply(there({ ...podA, nat: { entries, error: null, warnings: [] } }));
      expect(await sourceSeen(stage, 'podA', 'outside')).toBe(expected);
    }
    // What is dialled decides for its own replies.
    expect(await answererOf(stage, 'client', 'second')).toBe(A);
    expect(await answererOf(stage, 'client', 'public', 26)).toBe('10.244.1.5:26');
    await node.restart(there({ ...podA, nat: { entries, error: null, warnings: [] } }));
    expect(await sourceSeen(stage, 'podA', 'outside')).toBe(expected);
  }
});

test('node names that share their first part collide', async () => {
  await node.end();
  node = new PodNatNode(stage, { nodeName: 'a.x' });
  await node.apply(there({ ...podA, nodeName: 'a.y' }));
  expect([await smtpAnswer(), await node.elements()]).toEqual(['nobody', {}]);
  await node.apply(there({ ...podA, nodeName: 'a.x' }));
  expect(await smtpAnswer()).toBe(A);
});

test("a finished pod's reused IP keeps its traffic", async () => {
  await node.apply(there(podA));
  const successor = smtp({ name: 'next', uid: 'uid-n' }, []);
  await node.apply(there({ ...podA, finished: true, ready: false }), there(successor));
  expect([await smtpAnswer(), await node.elements()]).toEqual(['nobody', {}]);
  expect(await sourceSeen(stage, 'podA', 'outside')).toBe(address.podA);
});

test('one family only', async () => {
  await node.apply(there({ ...podA, ips: [address.podA, address.podA6] }));
  expect(await answererOf(stage, 'client', 'public')).toBe(A);
  expect(await answererOf(stage, 'client6', 'public6')).toBe('[fd00:244::5]:25');
  expect(await sourceSeen(stage, 'podA', 'outside')).toBe(address.public);
  expect(await sourceSeen(stage, 'podA6', 'outside6')).toBe(`[${address.public6}]`);
  expect(await answererOf(stage, 'podA6', 'public6')).toBe('[fd00:244::5]:25');
});
