import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { openTunnel } from '../../src/kube-api/tunnel.ts';
import { SocksProxy } from './socks-proxy.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const { signal } = new AbortController();

async function listening<S extends Server | TcpServer>(server: S): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A server that greets, and its port. */
const greeter = () => listening(createTcpServer((socket) => socket.end('hello')));

async function heard(socket: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const piece of socket) text += piece;
  return text;
}

async function socks(): Promise<SocksProxy> {
  const proxy = await SocksProxy.open();
  closing.push(() => proxy.close());
  return proxy;
}

const socksUrl = ({ port }: SocksProxy, user = 'knat:p%3Aw@') => new URL(`socks5://${user}127.0.0.1:${port}`);

test('SOCKS: with name and password, to an address or a name', async () => {
  const proxy = await socks();
  const port = await greeter();
  expect(await heard(await openTunnel(socksUrl(proxy), '127.0.0.1', port, signal))).toBe('hello');
  expect(await heard(await openTunnel(socksUrl(proxy), 'localhost', port, signal))).toBe('hello');
  expect(proxy.tunnels).toEqual([`127.0.0.1:${port}`, `localhost:${port}`]);
});

test('SOCKS: to IPv6, written out', async () => {
  const proxy = await socks();
  proxy.reply = 5;
  await expect(openTunnel(socksUrl(proxy), 'fd00:1::2:c0de', 443, signal)).rejects.toThrow(
    /^the proxy 127.0.0.1:\d+: connection refused$/,
  );
  expect(proxy.tunnels).toEqual(['fd00:0001:0000:0000:0000:0000:0002:c0de:443']);
});

test.each([
  ['', 'it does not take the credentials'],
  ['knat:wrong@', 'it refuses the credentials'],
])('SOCKS: as %j refused', async (user, message) => {
  await expect(openTunnel(socksUrl(await socks(), user), '127.0.0.1', 1, signal)).rejects.toThrow(message);
});

test('SOCKS: a proxy that hangs up, or says nothing', async () => {
  const port = await listening(createTcpServer((socket) => socket.end(Buffer.from([5]))));
  const url = new URL(`socks5h://127.0.0.1:${port}`);
  await expect(openTunnel(url, 'a', 1, signal)).rejects.toThrow('it closed the connection');
  const mute = await listening(createTcpServer((socket) => socket.unref().on('error', () => {})));
  const waiting = openTunnel(new URL(`socks5://127.0.0.1:${mute}`), 'a', 1, AbortSignal.timeout(50));
  await expect(waiting).rejects.toThrow(/abort/i);
});

test('CONNECT: the credentials of the URL, and what the other side sends at once', async () => {
  const asked: IncomingMessage[] = [];
  const port = await listening(
    createServer().on('connect', (request, socket) => {
      asked.push(request);
      socket.end('HTTP/1.1 200 OK\r\n\r\nhello');
    }),
  );
  const url = new URL(`http://knat:p%40w@127.0.0.1:${port}`);
  expect(await heard(await openTunnel(url, 'fd00::1', 6443, signal))).toBe('hello');
  expect(asked[0]?.url).toBe('[fd00::1]:6443');
  expect(asked[0]?.headers['proxy-authorization']).toBe(
    `Basic ${Buffer.from('knat:p@w').toString('base64')}`,
  );
});

test('CONNECT: refused, not there, or silent', async () => {
  const port = await listening(
    createServer().on('connect', (_, socket) =>
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'),
    ),
  );
  const refusing = new URL(`http://127.0.0.1:${port}`);
  await expect(openTunnel(refusing, 'a', 1, signal)).rejects.toThrow('407 Proxy Authentication Required');
  await expect(openTunnel(new URL('http://127.0.0.1:1'), 'a', 1, signal)).rejects.toThrow(
    /127.0.0.1:1.*ECONNREFUSED/,
  );
  const mute = await listening(createTcpServer((socket) => socket.unref().on('error', () => {})));
  const waiting = openTunnel(new URL(`http://127.0.0.1:${mute}`), 'a', 1, AbortSignal.timeout(50));
  await expect(waiting).rejects.toThrow(/abort/i);
});
