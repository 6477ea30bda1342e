import { expect, test } from 'vitest';
import { ip, portOf } from '../../../test/generators/build.ts';
import { unionOf } from '../../net/ranges.ts';
import type { PodBinding } from '../../plan/entry.ts';
import { Comparison } from './comparison.ts';
import { plainEgress } from './egress.ts';
import { isShared, type PlacedElement } from './element.ts';
import { elementsOf } from './entry-elements.ts';
import { formatPlaced } from './format.ts';
import { FoundElements } from './found-elements.ts';
import { withGuards } from './guards.ts';
import { program } from './slots.ts';

const binding: PodBinding = {
  kind: 'PodBinding',
  key: 'k',
  tuple: { address: ip('203.0.113.1'), protocol: 'TCP', port: portOf(25) },
  portCount: 1,
  endpoint: { address: ip('10.244.1.5'), port: portOf(25) },
  owner: { kind: 'Pod', namespace: 'mail', name: 'smtp' },
  createdAt: 0,
  uid: 'u',
  order: 0,
  sourceRanges: unionOf('IPv4', [{ first: 1n, last: 2n }]),
  egress: true,
};
const elements = elementsOf(program(binding, undefined));
const isGuard = ({ set }: PlacedElement) => set.endsWith('_addresses');
const texts = (placed: readonly PlacedElement[]) => placed.map(formatPlaced).sort();

test('elements of a table without guards get them', () => {
  const old = elements.filter((placed) => !isGuard(placed));
  expect(old.length).toBeLessThan(elements.length);
  expect(texts(withGuards(old))).toEqual(texts(elements));
});

test('elements kept for an unread object keep their shared guards when another object goes', () => {
  const plan = { entry: () => undefined, entries: () => [].values(), egressSource: () => undefined };
  const unread = { kinds: ['Pod'], anything: false, sliceNamespaces: [] } as const;
  const comparison = new Comparison(
    plan as never,
    unread,
    () => false,
    () => plainEgress,
  );
  const { shared } = comparison.changes(FoundElements.of(elements));
  const others = elements.filter(isShared);
  expect(others.length).toBeGreaterThan(0);
  const came = shared.after([], others);
  expect(came.changes).toEqual({ add: [], remove: [] });
  came.done();
  expect(shared.after(others, []).changes).toEqual({ add: [], remove: [] });
});
