import { expect, test } from 'vitest';
import { ip, portOf } from '../../test/generators/build.ts';
import { formatListener } from '../plan/host-listeners.ts';
import type { TakingSocket } from '../wire/sock-diag/message.ts';
import { lasting } from './host-listeners.ts';

const givenOut = { first: 32_768, last: 60_999 };
let nextCookie = 1n;
const socket = (port: number, rest: Partial<TakingSocket> = {}): TakingSocket => ({
  protocol: 'TCP',
  port: portOf(port),
  address: null,
  families: ['IPv4'],
  cookie: nextCookie++,
  ...rest,
});
const shown = (listeners: ReturnType<typeof lasting>['listeners']) =>
  listeners.map((listener) => `${listener.protocol} ${formatListener(listener)}`);

test('listeners are sorted, and many sockets of one port are one', () => {
  const { listeners } = lasting(
    [socket(80), socket(25, { address: ip('192.0.2.1') }), socket(80), socket(53, { protocol: 'UDP' })],
    new Map(),
    0,
    givenOut,
  );
  expect(shown(listeners)).toEqual(['TCP *:80', 'TCP 192.0.2.1:25', 'UDP *:53']);
});

test('a UDP socket on a port that the kernel gives out counts when it lasts; a TCP listener at once', () => {
  const sockets = [socket(40_000, { protocol: 'UDP' }), socket(40_000), socket(61_000, { protocol: 'UDP' })];
  const first = lasting(sockets, new Map(), 1000, givenOut);
  expect(shown(first.listeners)).toEqual(['TCP *:40000', 'UDP *:61000']);
  const young = lasting(sockets, first.seenAt, 10_999, givenOut);
  expect(shown(young.listeners)).toEqual(['TCP *:40000', 'UDP *:61000']);
  const old = lasting(sockets, young.seenAt, 11_000, givenOut);
  expect(shown(old.listeners)).toEqual(['TCP *:40000', 'UDP *:40000', 'UDP *:61000']);
});

test('another socket on the same port begins anew', () => {
  const one = lasting([socket(40_000, { protocol: 'UDP' })], new Map(), 0, givenOut);
  const other = lasting([socket(40_000, { protocol: 'UDP' })], one.seenAt, 20_000, givenOut);
  expect(other.listeners).toEqual([]);
  expect(other.seenAt.size).toBe(1);
});
