import { expect, test } from 'vitest';
import { ip } from '../../test/generators/build.ts';
import { conntrackStatus } from '../wire/conntrack/entry.ts';
import type { FlowView } from '../wire/conntrack/flow-view.ts';
import type { Judgement } from './judge.ts';
import type { Names } from './names.ts';
import { isWanted, mayBeWanted, readQuestion } from './question.ts';

const names = {
  of: (address) =>
    ({ '10.244.1.5': 'Pod shop/desk-0', '10.244.2.6': 'Pod shop/backend-1' })[address as string] ?? null,
} as Names;
const judgement: Judgement = {
  destination: {
    kind: 'service',
    object: { kind: 'Service', namespace: 'shop', name: 'web' },
    frontend: '10.96.0.10:80/TCP',
  },
  source: null,
  stale: null,
};
const flow = {
  family: 'IPv4',
  protocol: 6,
  status: conntrackStatus.IPS_DST_NAT,
  original: { src: ip('10.244.1.5'), sport: 40_000, dst: ip('10.96.0.10'), dport: 80 },
  reply: { src: ip('10.244.2.6'), sport: 8080, dst: ip('10.244.1.5'), dport: 40_000 },
} as FlowView;

/** Is the flow found by this question? */
function finds(question: Record<string, string>): boolean {
  const wanted = readQuestion(question);
  if (typeof wanted === 'string') throw new TypeError(wanted);
  return mayBeWanted(wanted, flow, names) && isWanted(wanted, flow, judgement, names);
}

test.each([
  ['', true],
  ['10.96.0.10', true],
  [' 10.96.0.0/16 ', true],
  ['10.96.0.1', false], // an address is that address, and not the beginning of another
  ['10.97.0.0/16', false],
  ['fd00::/8', false],
  ['10.96.', true],
  ['10.96.0.10:80', true],
  [':8080', true],
  ['DESK', true],
  ['backend', true],
  ['shop/WEB', true],
  ['service shop', true],
  ['mail', false],
])('search %j: %s', (search, found) => {
  expect(finds({ search })).toBe(found);
});

test('search and the other filters all hold', () => {
  expect(finds({ search: 'web', kind: 'service' })).toBe(true);
  expect(finds({ search: 'web', kind: 'egress' })).toBe(false);
  expect(finds({ search: '10.244.0.0/16', address: '10.96.0.10' })).toBe(true);
  expect(finds({ search: '10.244.0.0/16', address: '10.96.0.11' })).toBe(false);
});
