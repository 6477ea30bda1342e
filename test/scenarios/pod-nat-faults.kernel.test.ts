/**
 * The faults of podnat-controller that must not come back (README.md here has the list), those that need no agent:
 * objects are added and removed, and real packets show which pod has the port.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { natEntry } from '../generators/build.ts';
import type { Stage } from '../netns/stage.ts';
import { address, answererOf, buildStage, gone, PodNatNode, smtp, there } from './pod-nat-scene.ts';

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

test('a delete event creates a rule to a dead address', async () => {
  await node.apply(there(podA));
  await node.apply(gone('a'));
  await node.apply(gone('a'));
  expect(await node.elements()).toEqual({});
  expect(await smtpAnswer()).toBe('nobody');
});

test('stale entries panic', async () => {
  await node.apply(there(podA), there(podB));
  await node.restart(there(podA));
  expect(await smtpAnswer()).toBe(A);
  expect(await node.elements()).toEqual({ bindings: 1, pod_sources: 1 });
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
