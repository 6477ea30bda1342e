import { describe, expect, test } from 'vitest';
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
  servicePort,
  slice,
} from '../../../test/generators/build.ts';
import type { FactChange } from '../../model/facts.ts';
import { defaultPlanOptions } from '../../plan/options.ts';
import { Planner } from '../../plan/planner.ts';
import { elementComparison, isShared } from './element.ts';
import { elementsOf } from './entry-elements.ts';
import { nextTransaction, piecesOf } from './pieces.ts';
import { program } from './slots.ts';

const addresses = Array.from({ length: 100 }, (_, index) => `203.0.113.${index + 1}`);
const node = nodeFacts({
  nodeIPs: [ip('203.0.113.1')],
  localAddresses: addresses.map((each) => localAddress(each)),
});

/** 100 pods, each with 5 ranges of 10,000 ports of an address of its own and 20 networks. */
function largePods(): FactChange[] {
  return addresses.map((address, index) => {
    const allow = Array.from({ length: 20 }, (_, network) => cidr(`198.${index}.${2 * network}.0/24`));
    const entries = [10_300, 33_000, 43_000, 53_000, 20_300].map((first, place) =>
      natEntry({
        interfaceAuto: false,
        sourceIP: ip(address),
        sourcePort: portOf(first),
        destinationPort: portOf(place % 2 === 0 ? first : 1000 + place * 10_007),
        portCount: place === 4 ? 9_600 : 10_000,
        protocol: 'UDP',
        allow,
      }),
    );
    const fact = pod(entries, { name: `p${index}`, uid: `p${index}`, ips: [ip(`10.244.1.${index + 1}`)] });
    return present('Pod', fact);
  });
}

describe('100 pods with 5 ranges of 10,000 ports and 20 networks each', () => {
  const planner = new Planner(node, defaultPlanOptions);
  planner.update();
  const before = planner.plan.revision;
  planner.apply(largePods());
  planner.apply([
    present('Service', service({ ports: [servicePort(80)] })),
    present('EndpointSlice', slice(['10.244.1.5'])),
  ]);
  const plan = planner.update();
  const keys = plan.changedSince(before) ?? new Set<string>();

  test('are no more than 10,000 elements', () => {
    const elements = [...plan.entries()].flatMap((entry) => elementsOf(program(entry, undefined)));
    const own = elements.filter((placed) => !isShared(placed));
    const shared = new Set(elements.filter(isShared).map(elementComparison.identity));
    expect(plan.count('PodBinding')).toBe(500);
    expect(own.length + shared.size).toBeLessThan(10_000);
    expect([...shared].filter((name) => name.includes('allowed_sources'))).toHaveLength(2000);
  });

  test('are written in several transactions, and a Service goes with the first', () => {
    const pieces = piecesOf(plan, keys, new Map());
    const { now, later } = nextTransaction(pieces);
    expect(later.length).toBeGreaterThan(0);
    const names = now.flatMap(({ changes }) => changes.map(({ key }) => key));
    expect(names).toContain('10.96.0.10:80/TCP');
    // Whatever is left comes, some at a time.
    let rounds = 1;
    for (let left = later; left.length > 0; rounds++) left = nextTransaction(left).later;
    expect(rounds).toBeLessThan(pieces.length);
    expect(rounds).toBeGreaterThan(5);
  });

  test('a small change goes whole', () => {
    const { now, later } = nextTransaction(piecesOf(plan, ['10.96.0.10:80/TCP'], new Map()));
    expect([now.length, later.length]).toEqual([1, 0]);
  });

  test('an object that waited has its turn, however many come before it', () => {
    const pieces = piecesOf(plan, keys, new Map());
    const { later } = nextTransaction(pieces);
    const heaviest = later[later.length - 1];
    const waiting = new Set(heaviest?.changes.map(({ key }) => key));
    expect(nextTransaction(pieces, waiting).now).toContain(heaviest);
    expect(nextTransaction(pieces).now).not.toContain(heaviest);
  });
});

describe('ranges of one address', () => {
  const bound = (first: number, portCount: number, name: string) =>
    present(
      'Pod',
      pod([natEntry({ sourcePort: portOf(first), destinationPort: portOf(first), portCount })], {
        name,
        uid: name,
        ips: [ip('10.244.1.9')],
      }),
    );

  test('are apart where their ports are, and together with what they overlap, before and after', () => {
    const planner = new Planner(node, defaultPlanOptions);
    planner.apply([bound(1000, 100, 'a'), bound(2000, 100, 'b')]);
    const plan = planner.update();
    const programmed = new Map([...plan.entries()].map((entry) => [entry.key, program(entry, undefined)]));
    const { revision } = plan;
    planner.apply([bound(1050, 100, 'a'), bound(2200, 100, 'b'), bound(1060, 1, 'c')]);
    planner.update();
    const to = (key: string) => key.startsWith('203.0.113.1:');
    const pieces = piecesOf(plan, plan.changedSince(revision) ?? [], programmed);
    const names = pieces.map(({ changes }) =>
      changes
        .map(({ key }) => key)
        .filter(to)
        .sort(),
    );
    expect(names.filter(({ length }) => length > 0).sort()).toEqual([
      [
        '203.0.113.1:1000-1099/TCP',
        '203.0.113.1:1050-1059/TCP',
        '203.0.113.1:1060/TCP',
        '203.0.113.1:1061-1149/TCP',
      ],
      ['203.0.113.1:2000-2099/TCP'],
      ['203.0.113.1:2200-2299/TCP'],
    ]);
  });
});
