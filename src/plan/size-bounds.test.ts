import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  cidr,
  ip,
  localAddress,
  natEntry,
  nodeFacts,
  pod,
  portOf,
  present,
  service,
} from '../../test/generators/build.ts';
import type { FactChange } from '../model/facts.ts';
import type { Prefix } from '../net/prefix.ts';
import { formatRange } from '../net/ranges.ts';
import { canonicalPlan } from './canonical.ts';
import type { PlanEntry } from './entry.ts';
import type { NatPlan } from './nat-plan.ts';
import { defaultPlanOptions } from './options.ts';
import { Planner } from './planner.ts';
import type { SizeLimits } from './size-bounds.ts';

const node = nodeFacts({ localAddresses: [localAddress('203.0.113.1')], nodeIPs: [ip('203.0.113.1')] });

function plannerWith(sizes: Partial<SizeLimits>): Planner {
  return new Planner(node, { ...defaultPlanOptions, sizes: { ...defaultPlanOptions.sizes, ...sizes } });
}

/** So many networks that do not touch. */
function networks(count: number, seed = 0): Prefix[] {
  return Array.from({ length: count }, (_, index) => cidr(`198.${seed}.${2 * index}.0/24`));
}

function balanced(name: string, createdAt: number, ranges: readonly Prefix[], namespace = 'shop') {
  const [last] = name.match(/\d+/) ?? ['1'];
  const loadBalancerIPs = [ip(`192.0.2.${last}`)];
  const clusterIPs = [ip(`10.96.0.${last}`)];
  const rest = { name, namespace, createdAt, loadBalancerIPs, clusterIPs };
  return present('Service', service({ ...rest, loadBalancerSourceRanges: ranges }));
}

function bound(name: string, createdAt: number, ports: readonly number[], rest: { namespace?: string } = {}) {
  const entries = ports.map((port) =>
    natEntry({ sourcePort: portOf(port), portCount: 10, destinationPort: portOf(port) }),
  );
  return present(
    'Pod',
    pod(entries, { name, uid: name, createdAt, ips: [ip(`10.244.1.${createdAt}`)], ...rest }),
  );
}

const isBinding = ({ kind }: PlanEntry) => kind === 'PodBinding';

/** Who may use the load balancer's address. */
function sourcesOf(plan: NatPlan, name: string): readonly string[] | null {
  for (const entry of plan.entries()) {
    if (entry.kind !== 'ServiceFrontend' || entry.origin !== 'LoadBalancer' || entry.owner.name !== name)
      continue;
    const { sourceRanges } = entry;
    return sourceRanges?.ranges.map((range) => formatRange(sourceRanges.family, range)) ?? null;
  }
  return null;
}

function reported(plan: NatPlan): string[] {
  return [...plan.notices()].map(({ code, object, message }) => `${code} ${object.name}: ${message}`);
}

test('of a list that is too long the lowest networks may use the Service, and no others', () => {
  const planner = plannerWith({ networksPerList: 2 });
  planner.apply([balanced('w1', 1, networks(3).reverse())]);
  const plan = planner.update();
  expect(sourcesOf(plan, 'w1')).toEqual(['198.0.0.0/24', '198.0.2.0/24']);
  expect(reported(plan)).toEqual([
    'NatInvalid w1: loadBalancerSourceRanges has 3 networks of IPv4, and 2 have room (--max-source-networks-per-list): ' +
      'those of the lowest addresses may use the Service, all others may not; name wider networks',
  ]);
});

test('neighbours and what is named twice count as one network, and so does a wider one', () => {
  const planner = plannerWith({ networksPerList: 1 });
  const same = ['198.51.100.0/25', '198.51.100.128/25', '198.51.100.0/24', '198.51.100.7/32'].map(cidr);
  planner.apply([balanced('w1', 1, same)]);
  expect(sourcesOf(planner.update(), 'w1')).toEqual(['198.51.100.0/24']);
  expect(reported(planner.plan)).toEqual([]);
});

test('a range that takes many prefixes to write counts as many', () => {
  const planner = plannerWith({ networksPerList: 2 });
  planner.apply([balanced('w1', 1, ['198.51.100.1/32', '198.51.100.2/31', '198.51.100.4/30'].map(cidr))]);
  expect(sourcesOf(planner.update(), 'w1')).toEqual([]);
});

test('the lists of the older objects of a namespace have room, and lists without room allow no source', () => {
  const planner = plannerWith({ networksPerNamespace: 5 });
  planner.apply([
    balanced('w3', 3, networks(2, 3)),
    balanced('w1', 1, networks(3, 1)),
    balanced('w2', 2, networks(3, 2)),
    balanced('w4', 4, networks(3, 4), 'other'),
    balanced('w5', 5, networks(3, 1)),
  ]);
  const plan = planner.update();
  expect(['w1', 'w2', 'w3', 'w4', 'w5'].map((name) => sourcesOf(plan, name)?.length)).toEqual([
    3, 0, 2, 3, 3,
  ]);
  expect(reported(plan)).toEqual([
    'NatRestricted w2: Services and Pods of namespace shop may have 5 networks in their lists of sources on a node ' +
      '(--max-source-networks-per-namespace), and older objects have them: 1 of its lists of sources now allow no source',
  ]);
  planner.apply([
    { kind: 'Service', key: 'shop/w1', fact: null },
    { kind: 'Service', key: 'shop/w3', fact: null },
  ]);
  expect(sourcesOf(planner.update(), 'w2')?.length).toBe(3);
});

test('so it is with the whole node', () => {
  const planner = plannerWith({ networksPerNode: 5 });
  planner.apply([
    balanced('w1', 1, networks(3, 1), 'a'),
    balanced('w2', 2, networks(3, 2), 'b'),
    balanced('w3', 3, networks(3, 1), 'c'),
  ]);
  const plan = planner.update();
  expect(['w1', 'w2', 'w3'].map((name) => sourcesOf(plan, name)?.length)).toEqual([3, 0, 3]);
});

test.each([{ entriesPerNamespace: 3 }, { entriesPerNode: 3 }])('ports and port ranges: %j', (sizes) => {
  const planner = plannerWith(sizes);
  planner.apply([bound('p2', 2, [3000, 4000]), bound('p1', 1, [1000, 2000])]);
  const plan = planner.update();
  expect(
    [...plan.entries()]
      .filter(isBinding)
      .map(({ key }) => key)
      .sort(),
  ).toEqual(['203.0.113.1:1000-1009/TCP', '203.0.113.1:2000-2009/TCP', '203.0.113.1:3000-3009/TCP']);
  expect(reported(plan)).toEqual([
    expect.stringMatching(
      /^NatRestricted p2: .*and older objects have them: 1 ports or port ranges of mail\/p2 are not bound$/,
    ),
  ]);
});

test('in any order of events the same as from scratch', () => {
  const changes = fc.record({
    index: fc.integer({ min: 1, max: 6 }),
    createdAt: fc.integer({ min: 1, max: 3 }),
    size: fc.integer({ min: 0, max: 4 }),
    isPod: fc.boolean(),
    namespace: fc.constantFrom('shop', 'other'),
  });
  const sizes = { networksPerNamespace: 5, networksPerNode: 7, entriesPerNamespace: 4, entriesPerNode: 6 };
  fc.assert(
    fc.property(fc.array(changes, { maxLength: 20 }), (steps) => {
      const stepwise = plannerWith(sizes);
      const last = new Map<string, FactChange>();
      for (const { index, createdAt, size, isPod, namespace } of steps) {
        const ports = Array.from({ length: size }, (_, place) => 1000 * index + 20 * place + 2000);
        const change = isPod
          ? bound(`p${index}`, createdAt, ports, { namespace })
          : balanced(`w${index}`, createdAt, networks(size, index % 3), namespace);
        last.set(`${change.kind} ${change.key}`, change);
        stepwise.apply([change]);
        stepwise.update();
      }
      const scratch = plannerWith(sizes);
      scratch.apply(last.values());
      expect(canonicalPlan(stepwise.update())).toEqual(canonicalPlan(scratch.update()));
      expect(reported(stepwise.plan).sort()).toEqual(reported(scratch.plan).sort());
    }),
  );
});

test('thousands of Services with long lists are settled in no time', () => {
  const planner = plannerWith({});
  const list = networks(100);
  planner.apply(
    Array.from({ length: 2000 }, (_, index) => {
      const clusterIPs = [ip(`10.97.${index >> 8}.${index & 255}`)];
      const loadBalancerIPs = [ip(`192.1.${index >> 8}.${index & 255}`)];
      const rest = { name: `s${index}`, clusterIPs, loadBalancerIPs, loadBalancerSourceRanges: list };
      return present('Service', service(rest));
    }),
  );
  planner.update();
  const { user: start } = process.cpuUsage();
  planner.apply([balanced('w1', 1, networks(3))]);
  planner.update();
  expect((process.cpuUsage().user - start) / 1000).toBeLessThan(500);
});
