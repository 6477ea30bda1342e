import { execFileSync } from 'node:child_process';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Agent } from '../../src/agent/agent.ts';
import { runAgent } from '../../src/agent/agent-run.ts';
import { healthEndpoints } from '../../src/agent/companions/health.ts';
import { KubeProxyGuard } from '../../src/agent/kube-proxy-guard.ts';
import type { Datapath } from '../../src/datapath/datapath.ts';
import { parseAddress } from '../../src/net/address.ts';
import { askAgent } from '../../src/observe/client.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import type { Source } from '../../src/sources/source.ts';
import { knat } from '../cli/knat.ts';
import { enterFreshNamespace, nft } from '../netns/namespace.ts';

/** The answers of an agent while it starts, however long that takes. */

const address = { host: parseAddress('127.0.0.1') ?? '', port: 10256 };
/** Log lines of level warning or above. */
const warnings: string[] = [];
const logger = pino({ level: 'warn' }, { write: (line: string) => warnings.push(line) });

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** A source that never becomes in sync. */
const source: Source = { name: 'test', run: async (_, signal) => await untilAborted(signal) };

const settings = { nodeName: 'node-0', nodeConfig: {}, plan: defaultPlanOptions, source };

let stop: AbortController;
let running: Promise<unknown>;

beforeAll(() => {
  enterFreshNamespace();
  // A tracked connection, for the companions that read the table.
  nft('add table ip seen');
  nft('add chain ip seen out { type filter hook output priority 0; }');
  nft('add rule ip seen out ct state new counter');
  execFileSync('bash', ['-c', 'echo > /dev/udp/127.0.0.1/4000']);
});

beforeEach(() => {
  stop = new AbortController();
});

afterEach(async () => {
  stop.abort();
  await running.catch(() => {});
});

async function get(path: string): Promise<{ status: number; body: string }> {
  return await new Promise((resolve, reject) => {
    const sent = request({ ...address, path, timeout: 5_000 }, (answer) => {
      let body = '';
      answer.on('data', (piece) => {
        body += String(piece);
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

async function expectStarting(): Promise<void> {
  for (let left = 400; ; left--) {
    const alive = await get('/livez').catch(() => null);
    if (alive?.status === 200) break;
    if (left === 0) throw new Error('no answer within ten seconds');
    await sleep(25);
  }
  const ready = await get('/readyz');
  expect(ready.status).toBe(503);
  expect(JSON.parse(ready.body)).toMatchObject({ reason: expect.stringMatching(/^starting: /) });
  expect((await get('/healthz')).status).toBe(503);
}

test('a source that never delivers everything: alive, not ready, and questions about the plan are refused', async () => {
  running = runAgent({ settings, logger, version: 'test', once: false, health: address }, stop.signal);
  await expectStarting();
  for (const path of ['/entries', '/explain', '/flows/ports'] as const) {
    await expect(askAgent(path), path).rejects.toMatchObject({
      code: 'KNAT_SOURCE_READING',
      message: expect.stringMatching(/still reading its source \(\d+ s so far\); try again shortly$/),
    });
  }
  expect(await askAgent('/status')).toMatchObject({ synced: false, problems: [] });
  const { output, errors } = await knat(['doctor', '-o', 'json']);
  expect(errors).toBe('');
  expect(JSON.stringify(JSON.parse(output))).toContain('the agent is still reading its source');
  // Companions that read the plan by themselves wait without a log line.
  await sleep(300);
  expect(warnings).toEqual([]);
});

test.each(['probe', 'admit'] as const)(
  'a kernel that does not answer (%s): alive, not ready',
  async (slow) => {
    const datapath = {
      probe: async (signal: AbortSignal) => {
        if (slow === 'probe') await untilAborted(signal);
        return { kernel: '' };
      },
      watch: () => () => {},
    } as unknown as Datapath;
    const find = async (signal: AbortSignal) => {
      await untilAborted(signal);
      signal.throwIfAborted();
      return { found: [], ipvs: false, unseen: [] };
    };
    const surroundings = {
      now: () => performance.now(),
      random: () => 0,
      sleep: async (milliseconds: number, signal: AbortSignal) => {
        await sleep(milliseconds, undefined, { signal }).catch(() => {});
      },
      wallClock: () => new Date(),
    };
    const agent = new Agent({
      settings,
      datapath,
      host: [],
      interfaces: { current: () => [], watch: () => () => {} } as never,
      guard: new KubeProxyGuard({ find, remove: async () => {} }, { replace: false, logger, surroundings }),
      logger,
      surroundings,
      version: 'test',
      processId: 1,
      companions: [healthEndpoints(address)],
    });
    running = agent.run(stop.signal);
    await expectStarting();
  },
);
