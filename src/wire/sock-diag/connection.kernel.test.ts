import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { enterFreshNamespace } from '../../../test/netns/namespace.ts';
import { SockDiagConnection } from './connection.ts';

beforeAll(() => enterFreshNamespace());

const open: (Server | Socket)[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function listen(host: string, port: number, ipv6Only = false): Promise<void> {
  const server = createServer();
  open.push(server);
  await once(server.listen({ host, port, ipv6Only }), 'listening');
}

async function bind(type: 'udp4' | 'udp6', address: string, port: number): Promise<Socket> {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' });
  open.push(socket);
  socket.bind({ address, port });
  await once(socket, 'listening');
  return socket;
}

/** `PROTOCOL ADDRESS:PORT FAMILIES` of each. */
function seen(): string[] {
  const connection = new SockDiagConnection();
  try {
    return connection
      .takingSockets()
      .map(
        ({ protocol, port, address, families }) =>
          `${protocol} ${address ?? '*'} ${port} ${families.join('+')}`,
      )
      .sort();
  } finally {
    connection.close();
  }
}

test('an empty namespace has none', () => {
  expect(seen()).toEqual([]);
});

test('listeners of TCP and bound sockets of UDP, of both families', async () => {
  await listen('0.0.0.0', 25);
  await listen('127.0.0.1', 26);
  await listen('::', 27);
  await listen('::', 28, true);
  await listen('::1', 29);
  await bind('udp4', '127.0.0.1', 53);
  await bind('udp6', '::', 54);
  expect(seen()).toEqual([
    'TCP * 25 IPv4',
    'TCP * 27 IPv4+IPv6',
    'TCP * 28 IPv6',
    'TCP 127.0.0.1 26 IPv4',
    'TCP ::1 29 IPv6',
    'UDP * 54 IPv6',
    'UDP 127.0.0.1 53 IPv4',
  ]);
});

test('a connected UDP socket takes nothing of strangers', async () => {
  const socket = await bind('udp4', '127.0.0.1', 4000);
  expect(seen()).toEqual(['UDP 127.0.0.1 4000 IPv4']);
  socket.connect(53, '127.0.0.1');
  await once(socket, 'connect');
  expect(seen()).toEqual([]);
});

test('more sockets than one datagram holds are all read', async () => {
  for (let port = 2000; port < 2600; port++) await listen('127.0.0.1', port);
  expect(seen().length).toBe(600);
});
