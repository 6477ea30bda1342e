import { expect, test } from 'vitest';
import { hostListener, ip, portOf } from '../../test/generators/build.ts';
import type { Protocol } from '../net/protocol.ts';
import { formatListener, listenersIn } from './host-listeners.ts';

const listeners = [
  hostListener(22),
  hostListener(25, { address: ip('192.0.2.10'), families: ['IPv4'] }),
  hostListener(80, { families: ['IPv4', 'IPv6'] }),
  hostListener(443, { families: ['IPv6'] }),
  hostListener(443, { address: ip('203.0.113.7'), families: ['IPv4'] }),
  hostListener(53, { protocol: 'UDP' }),
];

test.each<[string, number, Protocol, string | null]>([
  ['203.0.113.7', 22, 'TCP', '*:22'],
  ['2001:db8::10', 22, 'TCP', null], // bound for IPv4 alone
  ['192.0.2.10', 25, 'TCP', '192.0.2.10:25'],
  ['203.0.113.7', 25, 'TCP', null],
  ['203.0.113.7', 80, 'TCP', '*:80'],
  ['2001:db8::10', 80, 'TCP', '*:80'],
  ['2001:db8::10', 443, 'TCP', '*:443'],
  ['203.0.113.7', 443, 'TCP', '203.0.113.7:443'],
  ['192.0.2.10', 443, 'TCP', null],
  ['203.0.113.7', 53, 'UDP', '*:53'],
  ['203.0.113.7', 53, 'TCP', null],
  ['203.0.113.7', 22, 'SCTP', null],
])('%s:%i/%s is taken by %s', (address, port, protocol, expected) => {
  const found = listenersIn(listeners, { address: ip(address), port: portOf(port), protocol }, 1);
  expect(found.map(formatListener)).toEqual(expected === null ? [] : [expected]);
});

test('of a range those within it, in order of their ports', () => {
  const range = { address: ip('203.0.113.7'), port: portOf(22), protocol: 'TCP' } as const;
  expect(listenersIn(listeners, range, 422).map(formatListener)).toEqual(['*:22', '*:80', '203.0.113.7:443']);
  expect(listenersIn(listeners, range, 421).map(formatListener)).toEqual(['*:22', '*:80']);
});
