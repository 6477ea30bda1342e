import { createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { HealthFacts } from './health.ts';
import { serveHealth } from './health-server.ts';
import type { ListenAddress } from './listening.ts';

const facts: HealthFacts = {
  now: 0,
  synced: true,
  programmedAt: 0,
  failingSince: null,
  convergingSince: null,
  nodeEligible: true,
};

const stop = new AbortController();
afterEach(() => stop.abort());

/** Serves on the address; `sleeps` are the waits between attempts, which the test ends. */
function serve(address: ListenAddress, signal = stop.signal) {
  const refusals: string[] = [];
  const sleeps: { milliseconds: number; end: () => void }[] = [];
  let running = Promise.resolve();
  const listening = new Promise<ListenAddress>((resolve) => {
    running = serveHealth(
      address,
      () => facts,
      { listening: resolve, refused: (message) => refusals.push(message) },
      (milliseconds) => new Promise((end) => sleeps.push({ milliseconds, end })),
      signal,
    );
  });
  return { refusals, sleeps, listening, running };
}

test('answers GET and HEAD of its three paths, and nothing else', async () => {
  const own = new AbortController();
  const { listening, running } = serve({ host: '127.0.0.1', port: 0 }, own.signal);
  const url = `http://127.0.0.1:${(await listening).port}`;
  const answer = await fetch(`${url}/healthz?verbose`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(await answer.json()).toMatchObject({ nodeEligible: true });
  expect((await fetch(`${url}/readyz`, { method: 'HEAD' })).status).toBe(200);
  expect((await fetch(`${url}/readyz`, { method: 'POST' })).status).toBe(405);
  expect((await fetch(`${url}/metrics`)).status).toBe(404);
  own.abort();
  await running;
  await expect(fetch(`${url}/livez`)).rejects.toThrow();
});

test('a busy port is reported once, tried again with growing waits, and taken when it is free', async () => {
  const other = createServer();
  const port = await new Promise<number>((resolve) => {
    other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port));
  });
  const own = new AbortController();
  const { refusals, sleeps, listening, running } = serve({ host: '127.0.0.1', port }, own.signal);
  const slept = async (count: number) => {
    while (sleeps.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
    return sleeps[count - 1];
  };
  (await slept(1))?.end();
  const second = await slept(2);
  expect(sleeps.map(({ milliseconds }) => milliseconds)).toEqual([1000, 2000]);
  expect(refusals).toEqual([
    `health cannot be served on 127.0.0.1:${port}: another program listens there, perhaps kube-proxy: stop it, or choose another with --health-address`,
  ]);
  await new Promise((resolve) => other.close(resolve));
  second?.end();
  expect((await listening).port).toBe(port);
  own.abort();
  await running;
});

test('an address that the host lacks is reported', async () => {
  const own = new AbortController();
  const { refusals, sleeps, running } = serve({ host: '203.0.113.1', port: 10256 }, own.signal);
  while (refusals.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(refusals[0]).toContain('203.0.113.1:10256: this network namespace does not have the address');
  own.abort();
  sleeps[0]?.end();
  await running;
});

test('a listener that throws leaves nothing listening', async () => {
  const own = new AbortController();
  const ports: number[] = [];
  const listening = ({ port }: ListenAddress) => {
    ports.push(port);
    throw new Error('not this one');
  };
  await serveHealth(
    { host: '127.0.0.1', port: 0 },
    () => facts,
    { listening, refused: (message) => expect(message).toContain('not this one') },
    async () => own.abort(),
    own.signal,
  );
  await expect(fetch(`http://127.0.0.1:${ports[0]}/livez`)).rejects.toThrow();
});

test('an agent that ends while it begins to listen tells of nothing', async () => {
  const own = new AbortController();
  const { refusals, running } = serve({ host: '127.0.0.1', port: 0 }, own.signal);
  own.abort();
  await running;
  expect(refusals).toEqual([]);
});
