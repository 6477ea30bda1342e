import { expect, test } from 'vitest';
import { addressBytes, parseAddress } from '../../net/address.ts';
import { formatRange } from '../../net/ranges.ts';
import { changedSources } from './changed-sources.ts';
import type { PlacedElement } from './element.ts';
import type { SetName } from './sets.ts';

function placed(set: SetName, first: string, last = first): PlacedElement {
  const bytes = (text: string) => addressBytes(parseAddress(text) as never);
  const family = first.includes(':') ? 'IPv6' : 'IPv4';
  // Further fields of the key decide nothing.
  const key = Uint8Array.from([...bytes(first), 6, 0, 0, 0]);
  return { family, set, element: { key, keyEnd: Uint8Array.from([...bytes(last), 6, 0, 0, 0]) } };
}

const standing = [
  placed('egress_sources', '10.244.0.0', '10.244.255.255'),
  placed('pod_sources', '10.99.0.1'),
  placed('egress_sources', 'fd00:244::', 'fd00:244::ffff'),
];

function said(add: PlacedElement[], remove: PlacedElement[] = []): string[] {
  const { IPv4, IPv6 } = changedSources({ add, remove }, [...standing, ...remove]);
  return [IPv4, IPv6].map(({ family, ranges }) =>
    ranges.map((range) => formatRange(family, range)).join(' '),
  );
}

test.each<[string, PlacedElement[], PlacedElement[], string[]]>([
  ['nothing', [], [], ['', '']],
  ['what decides nothing about sources', [placed('bindings', '203.0.113.7')], [], ['', '']],
  ['a source that came', [placed('pod_sources', '10.244.1.5')], [], ['10.244.1.5', '']],
  ['a source that went', [], [placed('egress_from', '10.9.0.0', '10.9.0.255')], ['10.9.0.0/24', '']],
  ['cells of a rule', [placed('egress_to_addresses', 'fd00:9::1')], [], ['', 'fd00:9::1']],
  [
    'a destination that is exempt: all sources of its family',
    [placed('egress_exempt', '198.51.100.0', '198.51.100.255')],
    [],
    ['10.99.0.1 10.244.0.0/16', ''],
  ],
])('%s', (_, add, remove, expected) => {
  expect(said(add, remove)).toEqual(expected);
});
