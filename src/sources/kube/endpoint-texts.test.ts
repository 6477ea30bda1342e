import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ip } from '../../../test/generators/build.ts';
import type { EndpointSliceFact } from '../../model/endpoint-slice.ts';
import { defaultPodNatOptions } from '../objects/metadata.ts';
import { SharedValues } from '../objects/shared.ts';
import { EndpointTexts } from './endpoint-texts.ts';
import { ResourceObjects } from './resource-objects.ts';
import type { Resource } from './resources.ts';

const slices: Resource = {
  kind: 'EndpointSlice',
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  optional: false,
};

/** A source of slices that reads lines, and what it made of them; `whole`: each line is read as a whole. */
function reader(whole: boolean) {
  const facts = new Map<string, EndpointSliceFact | null>();
  const problems: string[] = [];
  const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };
  const objects = new ResourceObjects(slices, context, {
    apply: (changes) => {
      for (const { key, fact } of changes) facts.set(key, fact as EndpointSliceFact | null);
    },
    report: (key, found) => problems.push(...found.map(({ message }) => `${key} ${message}`)),
  });
  const read = (line: string) => {
    const event = (whole ? JSON.parse(line) : objects.parse(line)) as { type: string; object: object };
    if (event.type === 'DELETED') objects.delete(event.object);
    else objects.set(event.object);
    objects.flush();
  };
  return { facts, problems, read };
}

/** Texts that look like what the reader searches for, inside of names. */
const oddName = fc.constantFrom('node-1', '},{"addresses":[', '],"ports":', '"endpoints":[', 'ü\\"', ',');

const endpoint = fc
  .record({
    number: fc.nat(40),
    nodeName: oddName,
    ready: fc.boolean(),
    isOdd: fc.constantFrom('no', 'no', 'no', 'no', 'fields', 'address', 'hints'),
  })
  .map(({ number, nodeName, ready, isOdd }) => {
    const addresses = [isOdd === 'address' ? '127.0.0.1' : `10.244.1.${number + 1}`];
    const conditions = { ready, serving: true, terminating: !ready };
    const targetRef = { kind: 'Pod', namespace: 'shop', name: 'x'.repeat(250) };
    if (isOdd === 'fields') return { conditions, nodeName, addresses, targetRef };
    const hints = { forZones: [{ name: nodeName }, { name: 'b' }] };
    return { addresses, conditions, ...(isOdd === 'hints' ? { hints } : {}), nodeName, targetRef };
  });

const list = fc.array(endpoint, { minLength: 1, maxLength: 30 });

/** A list and what becomes of it: stretches of it are replaced. */
const lists = fc
  .tuple(
    list,
    fc.array(fc.tuple(fc.nat(30), fc.nat(3), fc.array(endpoint, { maxLength: 2 })), { maxLength: 8 }),
  )
  .map(([first, edits]) => {
    const all = [first];
    for (const [at, count, others] of edits) {
      const next = [...(all.at(-1) ?? [])];
      next.splice(at, count, ...others);
      all.push(next);
    }
    return all;
  });

function line(name: string, endpoints: readonly object[], type = 'MODIFIED', rest: object = {}): string {
  const labels = { 'kubernetes.io/service-name': 'web' };
  const metadata = { name, namespace: 'shop', labels, annotations: { text: 'y'.repeat(4000) } };
  const ports = [{ name: '', port: 8080, protocol: 'TCP' }];
  return JSON.stringify({ type, object: { metadata, addressType: 'IPv4', endpoints, ports, ...rest } });
}

test('any series of lists is read as if each line was read as a whole', () => {
  fc.assert(
    fc.property(fc.array(lists, { minLength: 1, maxLength: 2 }), (all) => {
      const [own, whole] = [reader(false), reader(true)];
      for (let index = 0; index < Math.max(...all.map(({ length }) => length)); index++) {
        for (const [number, series] of all.entries()) {
          const endpoints = series[index];
          if (endpoints === undefined) continue;
          for (const each of [own, whole]) each.read(line(`web-${number}`, endpoints));
        }
        expect(own.facts).toEqual(whole.facts);
        expect(own.problems).toEqual(whole.problems);
      }
    }),
    { numRuns: 300 },
  );
});

const endpoints = Array.from({ length: 20 }, (_, index) => ({
  addresses: [`10.244.1.${index + 1}`],
  conditions: { ready: true },
  nodeName: 'node-1',
}));

test('endpoints of the same text are one fact, whatever moves between them', () => {
  const { facts, read } = reader(false);
  read(line('web-1', endpoints));
  const before = facts.get('shop/web-1')?.endpoints ?? [];
  const moved = endpoints.map((each, index) => (index === 7 ? { ...each, addresses: ['10.244.9.9'] } : each));
  read(line('web-1', moved));
  const after = facts.get('shop/web-1')?.endpoints ?? [];
  expect(after.map((fact, index) => fact === before[index])).toEqual(
    endpoints.map((_, index) => index !== 7),
  );
  expect(after[7]?.address).toBe('10.244.9.9');
});

test.each([
  ['a comma behind the last endpoint', (text: string) => text.replace('}],"ports"', '},],"ports"')],
  ['an endpoint without an end', (text: string) => text.replace('}],"ports"', '],"ports"')],
  [
    'a list of something else',
    (text: string) => text.replace('"endpoints":[', '"endpoints":[],"endpoints":[7,'),
  ],
])('%s is what JSON.parse makes of it', (_, change) => {
  const texts = new EndpointTexts();
  const first = texts.parse(line('web-1', endpoints)) as { object: object };
  const state = {
    ready: true,
    serving: true,
    terminating: false,
    nodeName: null,
    zoneHints: [],
    nodeHints: [],
  };
  texts.became(
    first.object,
    endpoints.map(() => ({ address: ip('10.244.1.1'), state })),
  );
  const changed = change(line('web-1', endpoints));
  const made = (read: () => unknown) => {
    try {
      return read();
    } catch (error) {
      return (error as Error).name;
    }
  };
  expect(made(() => texts.parse(changed))).toEqual(made(() => JSON.parse(changed)));
});

test('another address type, and the end of the slice, leave nothing of the texts before', () => {
  const { facts, problems, read } = reader(false);
  read(line('web-1', endpoints));
  read(line('web-1', endpoints, 'MODIFIED', { addressType: 'IPv6' }));
  expect(problems.length).toBeGreaterThan(0);
  read(line('web-1', endpoints, 'DELETED'));
  expect(facts.get('shop/web-1')).toBeNull();
  read(line('web-1', endpoints));
  expect(facts.get('shop/web-1')?.endpoints).toHaveLength(20);
});
