import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { bites } from '../../test/generators/limits.ts';
import type { ApiAccess } from './access.ts';
import { ApiClient } from './client.ts';

let server: Server;
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

let now = 0;
const surroundings = {
  now: () => now,
  random: () => 0,
  sleep: (milliseconds: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    }),
};

/** A client of a server that sends a piece of JSON again and again. */
async function client(piece: string, between: () => Promise<void>): Promise<ApiClient> {
  server = createServer((request, response) => {
    request.resume();
    void (async () => {
      while (!response.destroyed) {
        response.write(piece);
        await between();
      }
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const access = {
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    generation: 0,
    renew: () => {},
    requestOptions: async () => ({}),
  } as unknown as ApiAccess;
  return new ApiClient(access, surroundings);
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('an answer that is too long is given up', async () => {
  const asked = await client(' '.repeat(65_536), turn);
  await bites('api-answer', async () => {
    await expect(asked.json({ path: '/x' }, new AbortController().signal, 5_000, 1 << 20)).rejects.toThrow(
      'the answer to /x is longer than 1048576 bytes',
    );
  });
});

test('an answer that never ends is given up, however slowly it comes', async () => {
  const asked = await client(' ', async () => {
    now += 10_000;
    await turn();
  });
  await expect(asked.json({ path: '/x' }, new AbortController().signal, 30_000)).rejects.toThrow(
    'the answer to /x did not end within 300 s',
  );
});
