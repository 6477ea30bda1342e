import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  hostListener,
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
import type { PodNatEntry } from '../model/pod.ts';
import { compareClaims } from './claims.ts';
import type { PlanEntry, Tuple } from './entry.ts';
import { formatPorts } from './entry-key.ts';
import { FragmentUnion } from './fragment-union.ts';
import { defaultPlanOptions } from './options.ts';
import { podFragment } from './pod.ts';
import { isPortClaim, isRange, type PortClaim, settleLane, spanOf } from './port-claims.ts';
import { serviceFragment } from './service.ts';

const NODE = '203.0.113.7';
const node = nodeFacts({ nodeIPs: [ip(NODE)], localAddresses: [localAddress(NODE)] });

interface Wish {
  readonly name: string;
  readonly createdAt?: number;
  readonly entries: readonly (readonly [source: number, destination: number, count: number])[];
  readonly ready?: boolean;
}

/** A Pod with UDP ranges: first node port, first pod port, number. */
function podOf({ name, createdAt = 0, entries, ready = true }: Wish, listeners = node.listeners) {
  const nat = entries.map(([source, destination, portCount]): PodNatEntry => {
    const [sourcePort, destinationPort] = [portOf(source), portOf(destination)];
    return natEntry({ protocol: 'UDP', sourcePort, destinationPort, portCount });
  });
  const ips = [ip(`10.244.1.${10 + name.charCodeAt(0) - 97}`)];
  const facts = pod(nat, { name, uid: name, createdAt, ips, ready });
  return podFragment(facts, { ...node, listeners }, defaultPlanOptions);
}

function planOf(...wishes: readonly Wish[]) {
  const union = new FragmentUnion();
  for (const wish of wishes) union.replace(`Pod ${wish.name}`, podOf(wish));
  union.seal();
  return union;
}

/** `ports → endpoint (owner)`, in order. */
function bindings(plan: FragmentUnion): string[] {
  return texts(plan.entries(), 'PodBinding');
}

function texts(entries: Iterable<PlanEntry>, kind: PlanEntry['kind']): string[] {
  return [...entries]
    .flatMap((entry) => {
      if (entry.kind !== kind || !isPortClaim(entry) || entry.kind === 'ServiceFrontend') return [];
      const to = entry.kind === 'PodSourcePort' ? entry.snat : entry.endpoint;
      return [`${entry.key} → ${formatPorts(to, entry.portCount)}`];
    })
    .sort();
}

const at = (port: number): Tuple => ({ address: ip(NODE), protocol: 'UDP', port: portOf(port) });

describe('ranges that overlap', () => {
  const old: Wish = { name: 'a', createdAt: 1, entries: [[100, 1100, 100]] };
  const young: Wish = { name: 'b', createdAt: 2, entries: [[150, 2150, 10]] };

  test('ports that a loser keeps are split, in any order of arrival', () => {
    const expected = [
      '203.0.113.7:100-149/UDP → 10.244.1.10:1100-1149',
      '203.0.113.7:150-159/UDP → 10.244.1.11:2150-2159',
      '203.0.113.7:160-199/UDP → 10.244.1.10:1160-1199',
    ];
    for (const plan of [planOf(old, young), planOf(young, old)]) {
      expect(bindings(plan)).toEqual(expected);
      expect([...plan.conflicts.values()]).toMatchObject([
        { key: '203.0.113.7:150-159/UDP', winner: { name: 'b' }, losers: [{ name: 'a' }] },
      ]);
      expect(plan.conflictsAt(at(155))).toHaveLength(1);
      expect(plan.conflictsAt(at(160))).toEqual([]);
      expect(plan.count('PodBinding')).toBe(3);
    }
  });

  test('a single port and a range: the younger has the port, either way', () => {
    const single = (createdAt: number): Wish => ({ name: 'c', createdAt, entries: [[120, 53, 1]] });
    const above = planOf(old, single(2));
    expect(bindings(above)).toContain('203.0.113.7:120/UDP → 10.244.1.12:53');
    expect(bindings(above)).toHaveLength(3);
    const below = planOf(single(0), old);
    expect(bindings(below)).toEqual(['203.0.113.7:100-199/UDP → 10.244.1.10:1100-1199']);
    expect(below.entry('203.0.113.7:120/UDP')).toBeUndefined();
    expect(below.entryAt(at(120))).toMatchObject({ owner: { name: 'a' } });
    expect(below.conflictsAt(at(120))).toMatchObject([{ winner: { name: 'a' }, losers: [{ name: 'c' }] }]);
  });

  test('a Service has its node port within a range', () => {
    const plan = planOf(old);
    const ports = [servicePort(5000, { protocol: 'UDP', nodePort: portOf(130) })];
    plan.replace('Service shop/web', serviceFragment(service({ ports }), [slice(['10.244.1.5'])], node));
    plan.seal();
    expect(plan.entryAt(at(130))).toMatchObject({ kind: 'ServiceFrontend' });
    expect(plan.entryAt(at(131))).toMatchObject({ kind: 'PodBinding' });
    const before = plan.revision;
    plan.replace('Service shop/web', { entries: [], notices: [] });
    plan.seal();
    expect(bindings(plan)).toEqual(['203.0.113.7:100-199/UDP → 10.244.1.10:1100-1199']);
    expect(plan.changedSince(before)).toContain('203.0.113.7:100-199/UDP');
    expect(plan.conflicts.size).toBe(0);
  });

  test('a program of the host within a range keeps its port', () => {
    const union = new FragmentUnion();
    union.replace('Pod a', podOf(old, [hostListener(140, { protocol: 'UDP' })]));
    union.seal();
    expect(bindings(union)).toEqual([
      '203.0.113.7:100-139/UDP → 10.244.1.10:1100-1139',
      '203.0.113.7:141-199/UDP → 10.244.1.10:1141-1199',
    ]);
  });
});

describe('what a pod starts from a port of its own binding', () => {
  const sources = (plan: FragmentUnion) => texts(plan.entries(), 'PodSourcePort');

  test('leaves from the port of the node, by offset', () => {
    const plan = planOf({
      name: 'b',
      entries: [
        [5062, 5060, 1],
        [10000, 20000, 11],
      ],
    });
    expect(sources(plan)).toEqual([
      'from 10.244.1.11:20000-20010/UDP → 203.0.113.7:10000-10010',
      'from 10.244.1.11:5060/UDP → 203.0.113.7:5062',
    ]);
    const tuple = { address: ip('10.244.1.11'), protocol: 'UDP', port: portOf(20003) } as const;
    expect(plan.sourceAt(tuple)?.key).toBe('from 10.244.1.11:20000-20010/UDP');
    expect(plan.sourceAt({ ...tuple, port: portOf(20011) })).toBeUndefined();
  });

  test('but not from a port that another pod has', () => {
    const first: Wish = { name: 'a', createdAt: 1, entries: [[5060, 5060, 1]] };
    const second: Wish = { name: 'b', createdAt: 2, entries: [[5060, 5060, 1]] };
    expect(sources(planOf(first, second))).toEqual(['from 10.244.1.11:5060/UDP → 203.0.113.7:5060']);
    const taken = podOf(first, [hostListener(5060, { protocol: 'UDP' })]);
    const union = new FragmentUnion();
    union.replace('Pod a', taken);
    union.seal();
    expect(sources(union)).toEqual([]);
  });

  test('also before it is Ready, unless a pod that is has the port', () => {
    const waiting: Wish = { name: 'b', createdAt: 2, entries: [[5060, 5060, 1]], ready: false };
    const plan = planOf(waiting);
    expect({ in: bindings(plan), out: sources(plan) }).toEqual({
      in: [],
      out: ['from 10.244.1.11:5060/UDP → 203.0.113.7:5060'],
    });
    const both = planOf(waiting, { name: 'a', createdAt: 1, entries: [[5060, 5060, 1]] });
    expect(sources(both)).toEqual(['from 10.244.1.10:5060/UDP → 203.0.113.7:5060']);
    expect(both.conflicts.size).toBe(0);
  });

  test('of two entries with one port of the pod the first decides', () => {
    const plan = planOf({
      name: 'a',
      entries: [
        [100, 50, 1],
        [200, 45, 10],
      ],
    });
    expect(sources(plan)).toEqual([
      'from 10.244.1.10:45-49/UDP → 203.0.113.7:200-204',
      'from 10.244.1.10:50/UDP → 203.0.113.7:100',
      'from 10.244.1.10:51-54/UDP → 203.0.113.7:206-209',
    ]);
  });
});

describe('any claims', () => {
  const wish = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    createdAt: fc.nat(3),
    ready: fc.boolean(),
    entries: fc.array(
      fc.tuple(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 12 }),
      ),
      {
        maxLength: 4,
      },
    ),
  });
  const wishes = fc.array(wish, { maxLength: 8 });

  test('each port goes to the first claim', () => {
    fc.assert(
      fc.property(wishes, (all) => {
        const plan = new FragmentUnion();
        const last = new Map(all.map((each) => [each.name, each]));
        for (const each of all) {
          plan.replace(`Pod ${each.name}`, podOf(each));
          plan.seal();
        }
        const claims = [...last.values()].flatMap((each) => podOf(each).entries.filter(isPortClaim));
        for (let port = 1; port <= 45; port++) {
          const wanting = claims.filter((claim) => spanOf(claim).first <= port && port <= spanOf(claim).last);
          const winner = wanting.sort(compareClaims)[0];
          const entry = plan.entryAt(at(port));
          expect({ port, to: destinationAt(entry, port) }).toEqual({ port, to: destinationAt(winner, port) });
        }
        const kinds = [...plan.entries()].map(({ kind }) => kind);
        for (const kind of ['PodBinding', 'PodReservation', 'PodSourcePort'] as const) {
          expect(plan.count(kind), kind).toBe(kinds.filter((each) => each === kind).length);
        }
        expect(new Set([...plan.entries()].map(({ key }) => key)).size).toBe(kinds.length);
      }),
      { numRuns: 300 },
    );
  });
});

function destinationAt(entry: PlanEntry | undefined, port: number): string | null {
  if (entry?.kind !== 'PodBinding' && entry?.kind !== 'PodReservation') return null;
  return `${entry.kind} ${entry.endpoint.address} ${entry.endpoint.port + port - entry.tuple.port}`;
}

test('thousands of claims to all ports cost no more than they are', () => {
  const claims = Array.from({ length: 3000 }, (_, index): PortClaim[] => {
    const [source, count] = [1024 + (index % 500), 60_000];
    return podOf({ name: 'a', createdAt: index, entries: [[source, source, count]] }).entries.filter(
      isPortClaim,
    );
  }).flat();
  const { pieces } = settleLane(claims.filter(isRange), []);
  expect(pieces.length).toBeLessThan(1100);
});
