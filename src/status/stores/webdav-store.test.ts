import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { WebdavStore } from './webdav-store.ts';

let server: Server;
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

/** A server that answers with so many MiB, and goes on as long as anybody reads. */
async function serve(status: number): Promise<{ url: string; sent: () => number }> {
  let sent = 0;
  const piece = Buffer.alloc(1 << 20, 0x20);
  server = createServer((request, response) => {
    request.resume();
    response.writeHead(status);
    const more = () => {
      while (!response.destroyed && sent < 400 << 20) {
        sent += piece.length;
        if (!response.write(piece)) return response.once('drain', more);
      }
      return response.end();
    };
    more();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent: () => sent };
}

test.each([200, 500, 404])('an answer without end and status %i is given up', async (status) => {
  const { url, sent } = await serve(status);
  const store = new WebdavStore(url, 'n1');
  const { signal } = new AbortController();
  await expect(store.read(signal)).rejects.toThrow('the answer is longer than 16 MiB');
  await expect(store.write('{}', signal)).rejects.toThrow('longer than 16 MiB');
  expect(sent()).toBeLessThan(100 << 20);
});
