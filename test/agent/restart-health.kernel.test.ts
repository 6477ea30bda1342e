import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeAll, expect, test } from 'vitest';
import type { AgentRun } from '../../src/agent/agent-run.ts';
import { runAgent } from '../../src/agent/agent-run.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { dirSource } from '../../src/sources/dir/dir-source.ts';
import type { Source } from '../../src/sources/source.ts';
import { ip } from '../generators/build.ts';
import { enterFreshNamespace, nft } from '../netns/namespace.ts';

const SERVICE = `apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.96.0.1, ports: [{port: 80}]}
`;

/** An API server that is away. */
const silent: Source = {
  name: 'nobody',
  run: (_, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
};

let stop = new AbortController();
let running: Promise<unknown> = Promise.resolve();
let lines: string[] = [];

beforeAll(() => {
  enterFreshNamespace();
});

afterEach(async () => {
  await end();
  nft('flush ruleset');
});

async function end(): Promise<void> {
  stop.abort();
  await running.catch(() => {});
}

function start(source: Source, more: Partial<AgentRun> = {}): void {
  stop = new AbortController();
  lines = [];
  const stream = { write: (line: string) => void lines.push(line) };
  const nodeConfig = { nodeIPs: [ip('192.0.2.10')] };
  const settings = { nodeName: 'node-a', nodeConfig, plan: defaultPlanOptions, source };
  const health = { host: '127.0.0.1', port: 10266 };
  const run = { settings, logger: pino({ level: 'info' }, stream), version: 'test', once: false, health };
  running = runAgent({ ...run, ...more }, stop.signal);
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

async function ask(path: string, port = 10266): Promise<Answer | null> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => null);
  if (response === null) return null;
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : {} };
}

async function until(path: string, status: number, port?: number): Promise<Answer> {
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    const answer = await ask(path, port);
    if (answer?.status === status) return answer;
    await sleep(50);
  }
  throw new Error(`${path} is not ${status} within thirty seconds`);
}

async function program(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'knat-restart-health-'));
  writeFileSync(join(folder, 'web.yaml'), SERVICE);
  start(dirSource(folder, { settleMs: 20 }));
  await until('/readyz', 200);
  await end();
  rmSync(folder, { recursive: true });
}

test('a restart while the source is away: healthy while the kernel still has the rules from before', async () => {
  await program();
  const before = nft('list ruleset');
  const from = Date.now();
  start(silent);
  const { body } = await until('/healthz', 200);
  expect(Date.parse(String(body.takenOverAt))).toBeGreaterThanOrEqual(from);
  expect(body.lastUpdated).toBe(body.takenOverAt);
  expect((await ask('/readyz'))?.status).toBe(503);
  expect((await ask('/livez'))?.status).toBe(200);
  expect(nft('list ruleset')).toBe(before); // nothing is written before the source is in sync
  nft('flush ruleset');
  expect((await until('/healthz', 503)).body.takenOverAt).toBeUndefined();
});

test('a first start while the source is away is not healthy', async () => {
  start(silent);
  await until('/livez', 200);
  await sleep(1_500);
  expect((await ask('/healthz'))?.status).toBe(503);
});

test("kube-proxy's port is served as soon as it is free, and waiting for it is no problem", async () => {
  const kubeProxy: Server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => kubeProxy.listen(10256, '0.0.0.0', resolve));
  await program();
  start(silent, { proxyHealth: { host: '0.0.0.0', port: 10256 } });
  await until('/healthz', 200);
  await sleep(2_500); // several attempts
  expect(await ask('/healthz', 10256)).toBeNull();
  const reported = lines.filter((line) => line.includes('10256'));
  expect(reported).toHaveLength(1);
  expect(reported[0]).toContain('it is tried again every second');
  const closed = performance.now();
  await new Promise<void>((resolve) => kubeProxy.close(() => resolve()));
  expect((await until('/healthz', 200, 10256)).status).toBe(200);
  expect(performance.now() - closed).toBeLessThan(15_000);
  expect((await ask('/healthz'))?.status).toBe(200);
});
