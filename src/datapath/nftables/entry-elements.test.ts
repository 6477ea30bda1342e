import { expect, test } from 'vitest';
import { ip, portOf } from '../../../test/generators/build.ts';
import { FAMILIES, type Family } from '../../net/family.ts';
import { type AddressRange, type AddressSet, unionOf } from '../../net/ranges.ts';
import type {
  ClusterAddress,
  EgressOutcome,
  EgressSource,
  Endpoint,
  FamilyScope,
  PlanEntry,
  PodBinding,
  PodReservation,
  PodSource,
  PodSourcePort,
  ServiceFrontend,
  ServiceHealthCheck,
  SourcePorts,
} from '../../plan/entry.ts';
import { hex } from '../../wire/bytes.ts';
import { elementComparison, type PlacedElement } from './element.ts';
import { constantElements, elementsOf } from './entry-elements.ts';
import { formatPlaced } from './format.ts';
import { guardsOf, withGuards } from './guards.ts';
import { SET_NAMES } from './sets.ts';
import { program } from './slots.ts';
import { entryKeyOf } from './unclaimed.ts';

/**
 * Each kind of plan entry as the elements that it becomes, in the words of `knat diff`, as bytes of registers, and
 * with the key of the entry that is found for it when it is read back. The texts are in test/golden/elements: a change there is a change of what packets meet, or of what `diff` prints.
 */
const owner = { kind: 'Service', namespace: 'shop', name: 'web' } as const;
const made = { owner, createdAt: 0 };
const named = { ...made, uid: 'u', order: 0 };

/** Addresses of the family whose last part is this. */
const own = (family: Family, last: number) =>
  ip(family === 'IPv4' ? `10.0.0.${last}` : `2001:db8::${last.toString(16)}`);
const number = (family: Family, last: number) =>
  family === 'IPv4' ? 0x0a000000n + BigInt(last) : (0x20010db8n << 96n) + BigInt(last);
const range = (family: Family, first: number, last: number): AddressRange => ({
  first: number(family, first),
  last: number(family, last),
});
const ranges = (family: Family, ...pairs: readonly (readonly [number, number])[]): AddressSet =>
  unionOf(
    family,
    pairs.map(([first, last]) => range(family, first, last)),
  );
const endpoints = (family: Family, count: number): Endpoint[] =>
  Array.from({ length: count }, (_, index) => ({
    address: own(family, 100 + index),
    port: portOf(8080 + index),
  }));
const tupleOf = (family: Family, protocol: 'TCP' | 'UDP' | 'SCTP' = 'TCP', port = 80) => ({
  address: own(family, 1),
  protocol,
  port: portOf(port),
});

const frontend = (family: Family, rest: Partial<ServiceFrontend> = {}): ServiceFrontend => ({
  kind: 'ServiceFrontend',
  key: 'k',
  tuple: tupleOf(family),
  origin: 'ClusterIP',
  ...made,
  portName: '',
  endpoints: [],
  localEndpoints: null,
  retained: [],
  masquerade: 'cluster-ip',
  unserved: 'reject',
  sourceRanges: null,
  affinityTimeoutSeconds: null,
  ...rest,
});
const binding = (family: Family, rest: Partial<PodBinding> = {}): PodBinding => ({
  kind: 'PodBinding',
  key: 'k',
  ...named,
  tuple: tupleOf(family, 'UDP', 5060),
  portCount: 1,
  endpoint: { address: own(family, 9), port: portOf(5061) },
  sourceRanges: null,
  egress: true,
  ...rest,
});
const sourcePort = (family: Family, portCount: number): PodSourcePort => ({
  kind: 'PodSourcePort',
  key: 'k',
  ...named,
  tuple: tupleOf(family, 'SCTP', 20_000),
  portCount,
  snat: { address: own(family, 2), port: portOf(30_001) },
});
const scope = (family: Family, rest: Partial<FamilyScope> = {}): FamilyScope => ({
  kind: 'FamilyScope',
  key: 'k',
  family,
  pods: ranges(family, [0, 15], [32, 32]),
  podInterface: { name: 'cali', isPrefix: true },
  serviceCIDRs: ranges(family, [16, 31]),
  masqueradeToClusterIP: ranges(family, [40, 47]),
  unmasqueradedInterface: { name: 'cni0', isPrefix: false },
  invalidDropped: ranges(family, [48, 63]),
  egressSources: ranges(family, [64, 79]),
  egressInterface: { name: 'fifteen-letters', isPrefix: false },
  egressExempt: ranges(family, [80, 95]),
  egress: {
    address: own(family, 3),
    ports: [{ first: 2000, last: 2999 }],
    interfaceFilter: 'eth+',
    mostSpecificWins: false,
    hosts: [],
    ipMasqAgent: null,
  },
  podNatInternal: ranges(family, [96, 111]),
  pools: [],
  ...rest,
});
const source = (
  family: Family,
  rest: EgressOutcome | null,
  outcomes: readonly EgressOutcome[],
): EgressSource => ({
  kind: 'EgressSource',
  key: 'k',
  family,
  range: range(family, 64, 71),
  pod: null,
  choices: [],
  cells: outcomes.map((outcome, index) => ({
    destinations: range(family, 200 + index, 201 + index),
    protocols: index === 0 ? { first: 0, last: 255 } : { first: 6, last: 6 },
    ports: index === 0 ? { first: 0, last: 65_535 } : { first: 25, last: 25 },
    outcome,
  })),
  rest,
});

type EntryOf<Kind extends PlanEntry['kind']> = Extract<PlanEntry, { kind: Kind }>;

/** A kind that is missing does not compile. */
const cases: { readonly [Kind in PlanEntry['kind']]: (family: Family) => readonly EntryOf<Kind>[] } = {
  ServiceFrontend: (family): ServiceFrontend[] => [
    frontend(family),
    frontend(family, { unserved: 'drop', masquerade: 'always' }),
    ...[1, 2, 3, 4, 5, 9].flatMap((count) =>
      [null, 10_800].map((affinityTimeoutSeconds) =>
        frontend(family, { endpoints: endpoints(family, count), affinityTimeoutSeconds }),
      ),
    ),
    ...[null, 10_800].flatMap((affinityTimeoutSeconds) =>
      [0, 2, 6].map((count) =>
        frontend(family, {
          endpoints: endpoints(family, 6),
          localEndpoints: endpoints(family, count),
          masquerade: 'node-sources',
          unserved: 'drop',
          affinityTimeoutSeconds,
        }),
      ),
    ),
    frontend(family, {
      tuple: tupleOf(family, 'SCTP', 65_535),
      endpoints: endpoints(family, 1),
      sourceRanges: ranges(family, [128, 135], [140, 140]),
    }),
  ],
  PodBinding: (family): PodBinding[] => [
    binding(family),
    binding(family, { portCount: 100, sourceRanges: ranges(family, [128, 143]) }),
    binding(family, { sourceRanges: ranges(family) }),
  ],
  PodReservation: (family): PodReservation[] => {
    const { sourceRanges: _, egress: __, ...ports } = binding(family);
    return [{ ...ports, kind: 'PodReservation' }];
  },
  PodSource: (family): PodSource[] => [
    {
      kind: 'PodSource',
      key: 'k',
      ...made,
      uid: 'u',
      address: own(family, 9),
      protocol: 'UDP',
      snat: own(family, 2),
    },
  ],
  PodSourcePort: (family) => [sourcePort(family, 1), sourcePort(family, 101)],
  ClusterAddress: (family): ClusterAddress[] => [
    { kind: 'ClusterAddress', key: 'k', ...made, address: own(family, 1) },
  ],
  ServiceHealthCheck: (family): ServiceHealthCheck[] => [
    {
      kind: 'ServiceHealthCheck',
      key: 'k',
      ...made,
      family,
      port: portOf(30_000),
      addresses: [],
      localEndpoints: 1,
    },
  ],
  FamilyScope: (family) => [
    scope(family),
    scope(family, {
      podInterface: null,
      unmasqueradedInterface: null,
      egressInterface: null,
      egress: { ...scope(family).egress, address: null },
    }),
  ],
  SourcePorts: (family): SourcePorts[] => {
    const free = {
      TCP: [
        { first: 1024, last: 4788 },
        { first: 4790, last: 65_535 },
      ],
      UDP: [],
      SCTP: [{ first: 7, last: 7 }],
    };
    return [
      { kind: 'SourcePorts', key: 'k', family, any: free, egress: null },
      {
        kind: 'SourcePorts',
        key: 'k',
        family,
        any: free,
        egress: { ...free, UDP: [{ first: 9, last: 10 }] },
      },
    ];
  },
  EgressSource: (family) => [
    source(family, null, [
      { verdict: 'keep' },
      { verdict: 'masquerade' },
      { verdict: 'drop' },
      { verdict: 'snat', to: own(family, 2) },
    ]),
    source(family, { verdict: 'masquerade' }, []),
    source(family, { verdict: 'snat', to: own(family, 2) }, []),
  ],
};

function elementsFor(kind: PlanEntry['kind'], family: Family): PlacedElement[][] {
  const entries: readonly PlanEntry[] = cases[kind](family);
  return entries.map((entry) => elementsOf(program(entry, undefined)));
}

const kinds = Object.keys(cases) as PlanEntry['kind'][];

test.each(kinds)('%s as elements', async (kind) => {
  const texts = FAMILIES.flatMap((family) =>
    elementsFor(kind, family).map((elements) => elements.map(lines).join('') || 'nothing\n'),
  );
  await expect(texts.join('\n')).toMatchFileSnapshot(`../../../test/golden/elements/${kind}.txt`);
});

test('elements of every table', async () => {
  const texts = FAMILIES.flatMap((family) =>
    constantElements(family)
      .filter(({ set }, index) => set !== 'same_byte' || index % 85 === 0)
      .map(lines),
  );
  await expect(texts.join('')).toMatchFileSnapshot('../../../test/golden/elements/constants.txt');
});

test.each(kinds)('%s: what the rules ask first lets through to every element', (kind) => {
  for (const elements of FAMILIES.flatMap((family) => elementsFor(kind, family))) {
    const names = new Set(elements.map(elementComparison.identity));
    const guards = new Set(elements.flatMap(guardsOf).map(elementComparison.identity));
    expect([...guards].filter((name) => !names.has(name))).toEqual([]);
    expect(withGuards(elements)).toHaveLength(elements.length);
  }
});

test('every set has elements of some kind', () => {
  const all = kinds.flatMap((kind) => elementsFor(kind, 'IPv4').flat());
  const filled = new Set([...all, ...constantElements('IPv4')].map(({ set }) => set));
  expect(SET_NAMES.filter((set) => !filled.has(set))).toEqual([]);
});

function lines(placed: PlacedElement): string {
  const { key, keyEnd, data } = placed.element;
  const parts = [
    hex(key),
    keyEnd === undefined ? '' : `-${hex(keyEnd)}`,
    data === undefined ? '' : ` : ${hex(data)}`,
  ];
  return `${formatPlaced(placed)}\n    ${parts.join('')} of ${entryKeyOf(placed) ?? 'several'}\n`;
}
