import { execFileSync } from 'node:child_process';
import { request } from 'node:http';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runAgent } from '../../src/agent/agent-run.ts';
import type { FactChange } from '../../src/model/facts.ts';
import { askAgent } from '../../src/observe/client.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import type { Source, SourceSink } from '../../src/sources/source.ts';
import { until } from '../cluster/recorder.ts';
import { serviceFact, sliceFact } from '../generators/large-cluster.ts';
import { enterFreshNamespace, nft } from '../netns/namespace.ts';

/** A real agent over a real kernel: its answers to this node and to other hosts. */

/** An address of this namespace that is not loopback: the agent regards its clients as other hosts. */
const ELSEWHERE = '192.0.2.7';

let sink: SourceSink | null = null;
const source: Source = {
  name: 'test',
  run: async (to, signal) => {
    sink = to;
    to.apply([...Array(50).keys()].flatMap((index) => objects(index, 2)));
    to.synced();
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  },
};

function objects(index: number, endpoints: number): FactChange[] {
  const service = serviceFact(index);
  const slice = sliceFact(index, endpoints);
  return [
    { kind: 'Service', key: `${service.namespace}/${service.name}`, fact: service },
    { kind: 'EndpointSlice', key: `${slice.namespace}/${slice.name}`, fact: slice },
  ];
}

const stop = new AbortController();
let running: Promise<unknown>;

beforeAll(async () => {
  enterFreshNamespace();
  execFileSync('ip', ['address', 'add', `${ELSEWHERE}/32`, 'dev', 'lo']);
  const settings = { nodeName: 'node-0', nodeConfig: {}, plan: defaultPlanOptions, source };
  const logger = pino({ level: 'silent' });
  const http = {
    address: { host: '0.0.0.0', port: 8484 },
    metricsAddress: { host: '0.0.0.0', port: 10249 },
    tls: null,
    openMetrics: true,
  };
  running = runAgent({ settings, logger, version: 'test', once: false, http }, stop.signal);
  await until(
    () => get('127.0.0.1', 8484, '/ready').catch(() => null),
    (answer) => answer?.status === 200,
  );
});

afterAll(async () => {
  stop.abort();
  await running;
  execFileSync('nft', ['flush', 'ruleset']);
});

function get(host: string, port: number, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request({ host, port, path, localAddress: host, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}

const json = async (path: string) => JSON.parse((await get('127.0.0.1', 8484, path)).body);

async function metric(series: string): Promise<number> {
  const { body } = await get('127.0.0.1', 10249, '/metrics');
  const line = body.split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

test('the socket and the address give the same answers', async () => {
  const path = '/api/v1/entries?search=10.96.0.7&kind=address';
  const overTcp = await json(path);
  expect(overTcp).toMatchObject({ total: 1 });
  expect(await askAgent('/entries', { search: '10.96.0.7', kind: 'address' })).toEqual(overTcp);
  expect(await askAgent('/status')).toEqual(await json('/api/v1/status'));
});

test('writes to the kernel are counted: a change, a repair, their history', async () => {
  expect(await metric('knat_skeleton_loads_total{how="loaded"}')).toBe(1);
  expect(await metric('knat_plan_entries{kind="address"}')).toBe(50);
  const before = await metric('knat_elements_changed_total{operation="add"}');
  sink?.apply(objects(3, 4));
  await until(
    () => metric('knat_elements_changed_total{operation="add"}'),
    (value) => value > before,
  );
  nft('flush map ip knat endpoints_few');
  await until(
    () => metric('knat_heals_total'),
    (value) => value === 1,
  );
  expect(await metric('kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family="IPv4"}')).toBe(2);
  const { items } = await json('/api/v1/activity');
  const kinds = items.map(({ kind }: { kind: string }) => kind);
  expect(kinds).toEqual(expect.arrayContaining(['started', 'synced', 'programmed', 'disturbed', 'healed']));
  const history = await json('/api/v1/history');
  expect(history.items.at(-1)).toMatchObject({ failures: 0, maxMilliseconds: expect.any(Number) });
  expect(await metric('process_resident_memory_bytes')).toBeGreaterThan(1e7);
});

test('for other hosts, without a cluster: health and open metrics, and nothing else', async () => {
  expect((await get(ELSEWHERE, 8484, '/ready')).status).toBe(200);
  expect((await get(ELSEWHERE, 10249, '/metrics')).status).toBe(200);
  for (const path of ['/api/v1/status', '/metrics', '/entries/list', '/openapi.json']) {
    expect(await get(ELSEWHERE, 8484, path), path).toMatchObject({
      status: 403,
      body: expect.stringContaining('no cluster'),
    });
  }
});
