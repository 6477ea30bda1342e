/**
 * Whatever one object says, the plan is worked out and every entry of it can be rendered: elements of one length for each
 * set, ranges that do not overlap, an interface filter that is the name of an interface. Objects beside it keep their entries.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { localAddress } from '../../test/generators/build.ts';
import { bystander, changed, HOSTILE, type Json, pathsOf, templates } from '../../test/generators/hostile.ts';
import { type PlacedElement, rowOf } from '../datapath/nftables/element.ts';
import { elementsOf } from '../datapath/nftables/entry-elements.ts';
import { program } from '../datapath/nftables/slots.ts';
import type { FactChange, ObjectKind } from '../model/facts.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { factChange, factKey, parseFact } from '../sources/objects/fact-object.ts';
import { defaultPodNatOptions } from '../sources/objects/metadata.ts';
import { SharedValues } from '../sources/objects/shared.ts';
import { composeNodeFacts } from './node-facts.ts';

const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };
const NODE = 'node-1';
const interfaces = ['192.168.0.2', '203.0.113.7', '203.0.113.8', '2001:db8::10'].map((address) =>
  localAddress(address, { onDefaultRoute: true }),
);

/** The change that the object makes; none where it is rejected, or has no name. */
function changeOf(kind: ObjectKind, object: Json): FactChange[] {
  const parsed = parseFact(kind, object, context);
  const key = factKey(kind, object);
  return parsed.ok && key !== '' ? [factChange(kind, key, parsed.fact)] : [];
}

/** This node's object, where the template is another's. */
function ofThisNode(kind: string, object: Json): Json {
  return kind === 'Node' ? changed(object, ['metadata', 'name'], 'replace', NODE, '') : object;
}

/** What the other templates and the bystander say, with the bad object beside them. */
function planned(kind: string, bad: Json): NatPlan {
  const others = changes.filter((change) => change.kind !== kind || change.key === 'ns/good');
  const planner = new Planner(composeNodeFacts(NODE, undefined, {}, interfaces), defaultPlanOptions);
  planner.apply([...others, ...changeOf(kind as ObjectKind, bad)]);
  planner.setNode(composeNodeFacts(NODE, planner.nodes.get(NODE), {}, interfaces));
  return planner.update();
}

const changes = [
  ...Object.entries(templates).flatMap(([kind, object]) =>
    changeOf(kind as ObjectKind, ofThisNode(kind, object)),
  ),
  ...changeOf('Service', bystander),
];

/** Throws where the plan misses what others say, or has something that cannot be rendered. */
function check(plan: NatPlan): void {
  expect(plan.entry('172.30.0.10:80/TCP')).toMatchObject({ owner: { name: 'good' } });
  const elements = [...plan.entries()].flatMap((entry) => elementsOf(program(entry, undefined)));
  for (const [set, placed] of bySet(elements)) expectRenderable(set, placed);
  for (const entry of plan.entries()) {
    if (entry.kind !== 'FamilyScope') continue;
    const { interfaceFilter, ports } = entry.egress;
    expect(interfaceFilter ?? 'any').toMatch(/^[a-zA-Z0-9:._+-]{1,15}$/);
    expect(interfaceFilter).not.toBe('+');
    for (const { first, last } of ports) expect(first >= 1 && first <= last && last <= 65_535).toBe(true);
  }
}

test.each(Object.keys(templates))('%s: every hostile value in every place', { timeout: 60_000 }, (kind) => {
  const good = ofThisNode(kind, templates[kind] ?? null);
  for (const path of pathsOf(good).filter(({ length }) => length > 1)) {
    for (const value of HOSTILE) {
      const bad = changed(good, path, 'replace', value, '');
      try {
        check(planned(kind, bad));
      } catch (error) {
        throw new Error(JSON.stringify(bad).slice(0, 3000), { cause: error });
      }
    }
  }
});

test('several hostile values in one object', () => {
  const place = fc.record({ place: fc.nat(1000), value: fc.nat(HOSTILE.length - 1) });
  const places = fc.array(place, { minLength: 2, maxLength: 4 });
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(templates)), places, (kind, several) => {
      let bad = ofThisNode(kind, templates[kind] ?? null);
      for (const { place: index, value } of several) {
        const paths = pathsOf(bad).filter((path) => path.length > 1);
        bad = changed(bad, paths[index % paths.length] ?? ['spec'], 'replace', HOSTILE[value] ?? null, '');
      }
      check(planned(kind, bad));
    }),
    { numRuns: 500 },
  );
});

function bySet(elements: readonly PlacedElement[]): Map<string, PlacedElement[]> {
  const groups = new Map<string, PlacedElement[]>();
  for (const placed of elements) {
    const name = `${placed.family} ${placed.set}`;
    groups.set(name, [...(groups.get(name) ?? []), placed]);
  }
  return groups;
}

function expectRenderable(name: string, placed: readonly PlacedElement[]): void {
  expect(new Set(placed.map(({ element }) => element.key.length)).size, name).toBe(1);
  if (placed[0] === undefined || !rowOf(placed[0]).isPaired) return;
  const sorted = placed
    .map(({ element: { key, keyEnd = key } }) => [Buffer.from(key), Buffer.from(keyEnd)] as const)
    .sort(([a], [b]) => Buffer.compare(a, b));
  for (const [index, [first, last]] of sorted.entries()) {
    expect(Buffer.compare(first, last), name).toBeLessThanOrEqual(0);
    const before = sorted[index - 1]?.[1];
    if (before !== undefined) expect(Buffer.compare(before, first), `${name} overlaps`).toBeLessThan(0);
  }
}
