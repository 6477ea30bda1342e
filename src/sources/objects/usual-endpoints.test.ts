import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EndpointSliceFact } from '../../model/endpoint-slice.ts';
import { parseEndpointSlice } from './endpoint-slice.ts';
import { defaultPodNatOptions } from './metadata.ts';
import { SharedValues } from './shared.ts';

const newContext = () => ({ shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} });

const slice = (endpoints: unknown, addressType = 'IPv4') => ({
  metadata: { name: 'web-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType,
  ports: [{ name: 'http', port: 8080 }],
  endpoints,
});

const flag = fc.option(fc.boolean(), { nil: null });
const some = fc.option(fc.constantFrom('a', 'b', ''), { nil: undefined });
const usual = fc.record({
  addresses: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 9 }).map((last) => [`10.0.0.${last}`]) },
    fc.constantFrom(['127.0.0.1'], ['fd00::1'], ['010.0.0.1'], ['x'], ['FD00::1']),
  ),
  conditions: fc.record({ ready: flag, serving: flag, terminating: flag }, { requiredKeys: [] }),
  nodeName: fc.constantFrom('a', 'b'),
});
const odd = fc.record({
  addresses: fc.oneof(
    fc.constant([]),
    fc.constant(['10.0.0.1', 7]),
    fc.constantFrom(['127.0.0.1'], ['fd00::1'], ['10.0.0.1', '10.0.0.2'], ['010.0.0.1'], ['x'], 'x', null),
  ),
  conditions: fc.constantFrom({ ready: 'yes' }, { serving: 1 }, {}, null, undefined, []),
  nodeName: fc.oneof(some, fc.constant(3)),
  topology: fc.constantFrom(undefined, { 'kubernetes.io/hostname': 'c' }, 5),
  hints: fc.constantFrom(undefined, null, {}, { forZones: [{ name: 'z' }] }, { forNodes: [{ name: 'a' }] }),
});
const item = fc.oneof({ weight: 6, arbitrary: usual }, { weight: 2, arbitrary: odd }, fc.constant(null));
const family = fc.constantFrom('IPv4', 'IPv4', 'IPv6');
const list = fc.array(item, { maxLength: 12 });

test('with a state before, or none, every list is read as with the means for all forms', () => {
  fc.assert(
    fc.property(list, list, family, family, (first, second, familyBefore, family) => {
      const context = newContext();
      const parsed = parseEndpointSlice(slice(first, familyBefore), context);
      const before = parsed.ok ? parsed.fact : null;
      const now = parseEndpointSlice(slice(second, family), context, before);
      expect(now).toEqual(parseEndpointSlice(slice(second.map(unusual), family), newContext()));
    }),
    { numRuns: 2000 },
  );
});

/** The same in a form that is not the usual one: empty hints. */
function unusual(endpoint: unknown): unknown {
  return endpoint !== null && typeof endpoint === 'object' && !('hints' in endpoint)
    ? { ...endpoint, hints: {} }
    : endpoint;
}

const endpointsAt = (...lasts: number[]) =>
  lasts.map((last) => ({
    addresses: [`10.0.0.${last}`],
    conditions: { ready: true },
    nodeName: 'a',
  }));

test('endpoints that stay are the same objects, where some have come, gone or changed', () => {
  const context = newContext();
  const read = (endpoints: unknown, before: EndpointSliceFact | null = null) => {
    const parsed = parseEndpointSlice(slice(endpoints), context, before);
    if (!parsed.ok || parsed.fact === null) throw new Error('no fact');
    return parsed.fact;
  };
  const before = read(endpointsAt(1, 2, 3, 4, 5, 6));
  const after = read(
    [...endpointsAt(1, 9, 2), { ...endpointsAt(4)[0], nodeName: 'b' }, ...endpointsAt(6, 7)],
    before,
  );
  expect(after.endpoints.map((endpoint) => before.endpoints.indexOf(endpoint))).toEqual([
    0, -1, 1, -1, 5, -1,
  ]);
});
