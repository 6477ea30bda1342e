import { createServer, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type ConnectionBounds, Connections, type Peer, REQUEST_LIMITS } from './connections.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A server whose peers are told apart by the order in which they come. */
async function serve(bounds: ConnectionBounds, peers: (index: number) => Peer) {
  let accepted = 0;
  const connections = new Connections(bounds, () => peers(accepted++));
  const server: Server = createServer(REQUEST_LIMITS, (request, response) => {
    if (request.url === '/slow') response.write('begun');
    else response.end('done');
  });
  connections.guard(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    server.close();
    connections.close();
  });
  return { connections, port: (server.address() as { port: number }).port, accepted: () => accepted };
}

interface Client {
  readonly socket: Socket;
  answer: string;
  isOpen: boolean;
}

async function dial(port: number, text = ''): Promise<Client> {
  const socket = connect(port, '127.0.0.1');
  const client: Client = { socket, answer: '', isOpen: true };
  ends.push(() => socket.destroy());
  socket.on('error', () => {});
  socket.on('close', () => {
    client.isOpen = false;
  });
  socket.setEncoding('utf8').on('data', (piece: string) => {
    client.answer += piece;
  });
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  socket.write(text);
  return client;
}

const GET = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error('not within 10 seconds');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('of one source the oldest that waits makes place; other sources keep theirs', async () => {
  const bounds = { near: 1, far: 100, perSource: 2 };
  const { port, accepted } = await serve(bounds, (index) => ({
    isNear: false,
    source: index === 0 ? 'a' : 'b',
  }));
  const clients: Client[] = [];
  for (let index = 0; index < 5; index++) {
    clients.push(await dial(port, 'GET / HT'));
    await until(() => accepted() === index + 1);
  }
  await until(() => clients.filter(({ isOpen }) => isOpen).length === 3);
  expect(clients.map(({ isOpen }) => isOpen)).toEqual([true, false, false, true, true]);
});

test('incomplete requests of many sources do not keep out a complete one', async () => {
  const bounds = { near: 1, far: 4, perSource: 2 };
  const { port } = await serve(bounds, (index) => ({ isNear: false, source: String(index) }));
  for (let index = 0; index < 30; index++) await dial(port, 'GET / HT');
  const client = await dial(port, GET('/'));
  await until(() => client.answer.includes('done'));
});

test('answers in progress are not cut for new clients, which are turned away', async () => {
  const bounds = { near: 1, far: 2, perSource: 2 };
  const { port } = await serve(bounds, () => ({ isNear: false, source: 'a' }));
  const slow = [await dial(port, GET('/slow')), await dial(port, GET('/slow'))];
  await until(() => slow.every(({ answer }) => answer.includes('begun')));
  const more = await dial(port, GET('/'));
  await until(() => !more.isOpen);
  expect(more.answer).toBe('');
  expect(slow.map(({ isOpen }) => isOpen)).toEqual([true, true]);
});

test('near peers have places of their own', async () => {
  const bounds = { near: 2, far: 2, perSource: 2 };
  const { port, accepted } = await serve(bounds, (index) => ({ isNear: index < 2, source: 'a' }));
  const near: Client[] = [];
  for (let index = 0; index < 2; index++) {
    near.push(await dial(port));
    await until(() => accepted() === index + 1);
  }
  for (let index = 0; index < 20; index++) await dial(port, 'GET / HT');
  await until(() => accepted() === 22);
  expect(near.map(({ isOpen }) => isOpen)).toEqual([true, true]);
});

test('close cuts everything: silence, half requests, answers that never end', async () => {
  const bounds = { near: 8, far: 8, perSource: 8 };
  const { connections, port } = await serve(bounds, () => ({ isNear: true, source: '' }));
  const clients = [await dial(port), await dial(port, 'GET / H'), await dial(port, GET('/slow'))];
  await until(() => clients[2]?.answer.includes('begun') === true);
  connections.close();
  await until(() => clients.every(({ isOpen }) => !isOpen));
});
