import { describe, expect, test } from 'vitest';
import {
  ip,
  localAddress,
  natEntry,
  nodeFacts,
  pod,
  portOf,
  service,
  servicePort,
  slice,
} from '../../test/generators/build.ts';
import type { PodFact } from '../model/pod.ts';
import type { ServiceFact } from '../model/service.ts';
import { compareClaims } from './claims.ts';
import type { PlanEntry } from './entry.ts';
import { FragmentUnion } from './fragment-union.ts';
import { defaultPlanOptions } from './options.ts';
import { podFragment } from './pod.ts';
import { serviceFragment } from './service.ts';

const KEY = '203.0.113.7:25/TCP';

const node = nodeFacts({
  nodeIPs: [ip('203.0.113.7')],
  localAddresses: [localAddress('203.0.113.7')],
});

/** A Service that claims KEY by an external IP. */
function claimingService(rest: Partial<ServiceFact>) {
  const claim = service({
    clusterIPs: [],
    externalIPs: [ip('203.0.113.7')],
    ports: [servicePort(25)],
    ...rest,
  });
  return serviceFragment(claim, [slice(['10.244.1.5'])], node);
}

/** A Pod that claims KEY by its annotation. */
function claimingPod(rest: Partial<PodFact>) {
  return podFragment(pod([natEntry({ egress: false })], rest), node, defaultPlanOptions);
}

/** Puts the fragments in, in this order, and says who has KEY and who lost it. */
function outcome(fragments: readonly ReturnType<typeof claimingPod>[]) {
  const union = new FragmentUnion();
  for (const [index, fragment] of fragments.entries()) union.replace(`fragment ${index}`, fragment);
  const conflict = union.conflicts.get(KEY);
  const entry = union.entry(KEY);
  return {
    owner: entry !== undefined && 'owner' in entry ? entry.owner.name : null,
    winner: conflict?.winner.name ?? null,
    losers: conflict?.losers.map(({ name }) => name) ?? [],
    because: conflict?.because ?? null,
  };
}

describe('the winner of claims', () => {
  const cases: [name: string, claims: ReturnType<typeof claimingPod>[], winner: string, losers: string[]][] =
    [
      [
        'a Service before a Pod, whatever their age',
        [
          claimingPod({ createdAt: 9000 }),
          claimingPod({ name: 'old', createdAt: 1 }),
          claimingService({ createdAt: 5000 }),
        ],
        'web',
        ['smtp', 'old'],
      ],
      [
        'of two Services the older',
        [claimingService({ name: 'a', createdAt: 2000 }), claimingService({ name: 'b', createdAt: 1000 })],
        'b',
        ['a'],
      ],
      [
        'of two Services of one age the first by name, the namespace before',
        [
          claimingService({ namespace: 'z', name: 'a' }),
          claimingService({ namespace: 'y', name: 'c' }),
          claimingService({ namespace: 'y', name: 'b' }),
        ],
        'b',
        ['c', 'a'],
      ],
      [
        'of two Pods the one created last',
        [claimingPod({ name: 'a', createdAt: 1000 }), claimingPod({ name: 'b', createdAt: 2000 })],
        'b',
        ['a'],
      ],
      [
        'of two Pods of one age the greater UID',
        [claimingPod({ name: 'a', uid: 'u-9' }), claimingPod({ name: 'b', uid: 'u-1' })],
        'a',
        ['b'],
      ],
    ];
  test.each(cases)('%s', (_, claims, winner, losers) => {
    for (const order of [claims, [...claims].reverse()]) {
      expect(outcome(order)).toMatchObject({ owner: winner, winner, losers });
    }
  });

  test('says by which rule', () => {
    expect(outcome([claimingPod({ name: 'a' }), claimingPod({})]).because).toContain('created last');
    expect(outcome([claimingPod({}), claimingService({})]).because).toContain('a Service comes before Pods');
  });
});

describe('one object alone makes no conflict', () => {
  test('with the same address twice', () => {
    const twice = claimingService({
      externalIPs: [ip('203.0.113.7')],
      loadBalancerIPs: [ip('203.0.113.7')],
      clusterIPs: [ip('10.96.0.10')],
      ports: [servicePort(25, { nodePort: portOf(25) })],
    });
    expect(outcome([twice])).toEqual({ owner: 'web', winner: null, losers: [], because: null });
  });

  test('and its fields have an order of their own, whichever came last', () => {
    const claims = claimingService({ clusterIPs: [ip('203.0.113.7')] }).entries.filter(
      ({ key }) => key === KEY,
    );
    const origins = (entries: readonly PlanEntry[]) =>
      [...entries].sort(compareClaims).map((entry) => entry.kind === 'ServiceFrontend' && entry.origin);
    expect(origins(claims)).toEqual(['ClusterIP', 'ExternalIP']);
    expect(origins([...claims].reverse())).toEqual(['ClusterIP', 'ExternalIP']);
  });
});

describe('when claims come and go', () => {
  test('the next takes over at once, and the conflict ends', () => {
    const union = new FragmentUnion();
    union.replace('Service shop/web', claimingService({}));
    union.replace('Pod mail/smtp', claimingPod({}));
    union.seal();
    const before = union.revision;
    union.replace('Service shop/web', { entries: [], notices: [] });
    union.seal();
    expect(union.entry(KEY)?.kind).toBe('PodBinding');
    expect(union.conflicts.size).toBe(0);
    expect([...(union.changedSince(before) ?? [])]).toEqual([KEY]);
  });

  test('a loser that changes does not take over', () => {
    const union = new FragmentUnion();
    union.replace('Service shop/web', claimingService({}));
    union.replace('Pod mail/smtp', claimingPod({}));
    union.replace('Pod mail/smtp', claimingPod({ createdAt: 99_000, ips: [ip('10.244.1.6')] }));
    expect(union.entry(KEY)?.kind).toBe('ServiceFrontend');
  });

  test('changes are remembered for some revisions; an older revision gets null', () => {
    const union = new FragmentUnion();
    for (let round = 0; round < 70; round++) {
      union.replace('Pod mail/smtp', claimingPod({ createdAt: round }));
      union.seal();
    }
    expect(union.changedSince(union.revision)?.size).toBe(0);
    expect([...(union.changedSince(union.revision - 64) ?? [])]).toEqual([KEY]);
    expect(union.changedSince(union.revision - 65)).toBeNull();
    expect(union.changedSince(union.revision + 1)).toBeNull();
  });

  test('a round that changes nothing has no revision', () => {
    const union = new FragmentUnion();
    union.replace('Pod mail/smtp', claimingPod({}));
    union.seal();
    union.replace('Pod mail/smtp', claimingPod({}));
    union.seal();
    expect(union.revision).toBe(1);
  });
});
