import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { runAgent } from '../../src/agent/agent-run.ts';
import { askAgent } from '../../src/observe/client.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { dirSource } from '../../src/sources/dir/dir-source.ts';
import { until } from '../cluster/recorder.ts';
import { cidr, ip } from '../generators/build.ts';
import { enterFreshNamespace, nft } from '../netns/namespace.ts';

let folder: string;
let stop: AbortController;
let running: Promise<unknown>;
let squatter: Server | null = null;

beforeAll(() => {
  enterFreshNamespace();
  for (const address of ['192.0.2.10/32', '192.0.2.11/32', '2001:db8::10/128']) {
    execFileSync('ip', ['address', 'add', address, 'dev', 'lo']);
  }
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-health-checks-'));
  start(['192.0.2.10/32', '192.0.2.64/26', '2001:db8::/64']);
});

function start(nodePortAddresses: readonly string[]): void {
  stop = new AbortController();
  const nodeIPs = [ip('192.0.2.10'), ip('2001:db8::10')];
  const nodeConfig = { nodeIPs, nodePortAddresses: nodePortAddresses.map(cidr) };
  const source = dirSource(folder, { settleMs: 20 });
  const settings = { nodeName: 'node-a', nodeConfig, plan: defaultPlanOptions, source };
  running = runAgent(
    { settings, logger: pino({ level: 'silent' }), version: 'test', once: false },
    stop.signal,
  );
}

afterEach(async () => {
  stop.abort();
  await running;
  squatter?.close();
  nft('flush ruleset');
  rmSync(folder, { recursive: true });
});

function write(name: string, text: string): void {
  writeFileSync(join(folder, `.${name}`), text);
  renameSync(join(folder, `.${name}`), join(folder, name));
}

const service = (name: string, port: number, policy = 'Local', clusterIP = '10.96.0.1') => `---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: {type: LoadBalancer, clusterIPs: ["${clusterIP}", "fd00:96::${port - 30000}"], clusterIP: "${clusterIP}", externalTrafficPolicy: ${policy}, healthCheckNodePort: ${port}, ports: [{port: 80}]}
`;
const slice = (name: string, nodes: readonly string[]) => `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}-1, namespace: shop, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [${nodes.map((node, index) => `{addresses: [10.244.1.${index + 1}], nodeName: ${node}}`)}]
`;

interface Answer {
  readonly status: number;
  readonly weight: string | undefined;
  readonly body: unknown;
}

/** Null when nothing listens there. */
function ask(host: string, port: number): Promise<Answer | null> {
  return new Promise((resolve) => {
    const request = get({ host, port, path: '/', agent: false, timeout: 5000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const weight = response.headers['x-load-balancing-endpoint-weight'];
        const text = Buffer.concat(chunks).toString();
        // A request while the Service is being removed gets no answer about it.
        const body = text === '' ? null : (JSON.parse(text) as unknown);
        resolve({ status: response.statusCode ?? 0, weight: weight as string | undefined, body });
      });
    });
    request.on('error', () => resolve(null));
  });
}

/** The IPv4 addresses with a listener at port 31001: /proc/net/tcp, bytes of addresses in host order. */
async function listening(): Promise<string[]> {
  const rows = readFileSync('/proc/thread-self/net/tcp', 'utf8').matchAll(
    /: ([0-9A-F]{8}):7919 00000000:0000 0A/g,
  );
  return [...rows].map(([, hex = '']) => [...Buffer.from(hex, 'hex')].reverse().join('.'));
}

const problems = async () => (await askAgent('/status')).problems;

test('answers for its Service, and follows endpoints, ports, policy and the Service', async () => {
  write('a.yaml', service('web', 31001) + slice('web', ['node-a', 'node-a', 'node-b']));
  const first = await until(
    () => ask('192.0.2.10', 31001),
    (answer) => answer !== null,
  );
  expect(first).toEqual({
    status: 200,
    weight: '2',
    body: {
      service: { namespace: 'shop', name: 'web' },
      localEndpoints: 2,
      serviceProxyHealthy: true,
    },
  });
  // The slice is of IPv4: the other family has no endpoint, and its own answer.
  const six = await ask('2001:db8::10', 31001);
  expect(six).toMatchObject({ status: 503, weight: undefined, body: { localEndpoints: 0 } });
  // Not on an address that NodePorts do not answer on.
  expect(await ask('192.0.2.11', 31001)).toBeNull();

  write('a.yaml', service('web', 31001) + slice('web', ['node-b']));
  await until(
    () => ask('192.0.2.10', 31001),
    (answer) => answer?.status === 503,
  );

  write('a.yaml', service('web', 31002) + slice('web', ['node-a']));
  await until(
    () => ask('192.0.2.10', 31002),
    (answer) => answer?.status === 200,
  );
  expect(await ask('192.0.2.10', 31001)).toBeNull();

  write('a.yaml', service('web', 31002, 'Cluster') + slice('web', ['node-a']));
  await until(
    () => ask('192.0.2.10', 31002),
    (answer) => answer === null,
  );
});

test('a port that another program has is reported on the Service, and used when it is free', async () => {
  squatter = createServer();
  await new Promise<void>((resolve) => squatter?.listen(31001, '192.0.2.10', resolve));
  write('a.yaml', service('web', 31001) + slice('web', ['node-a']));
  const started = () => problems().catch(() => []); // the agent may not listen yet
  const [problem, ...others] = await until(started, (list) => list.length > 0);
  expect(problem).toMatchObject({
    code: 'KNAT_HEALTH_CHECK_PORT',
    severity: 'warning',
    object: { kind: 'Service', namespace: 'shop', name: 'web' },
    field: 'spec.healthCheckNodePort',
  });
  expect(problem?.message).toContain('node node-a cannot answer health checks on 192.0.2.10:31001');
  expect(others).toEqual([]);
  expect(await ask('2001:db8::10', 31001)).toMatchObject({ status: 503 });
  squatter.close();
  await until(
    () => ask('192.0.2.10', 31001),
    (answer) => answer?.status === 200,
  );
  expect(await until(problems, (list) => list.length === 0)).toEqual([]);
});

test('addresses of the node come and go', async () => {
  const address = (verb: string) => execFileSync('ip', ['address', verb, '192.0.2.65/32', 'dev', 'lo']);
  write('a.yaml', service('web', 31001) + slice('web', ['node-a']));
  await until(
    () => ask('192.0.2.10', 31001),
    (answer) => answer?.status === 200,
  );
  expect(await ask('192.0.2.65', 31001)).toBeNull();
  address('add');
  await until(
    () => ask('192.0.2.65', 31001),
    (answer) => answer?.status === 200,
  );
  address('del');
  await until(listening, (sockets) => !sockets.includes('192.0.2.65') && sockets.includes('192.0.2.10'));
});

test('where NodePorts answer everywhere, so it does at an address that is local by a route alone', async () => {
  stop.abort();
  await running.catch(() => {}); // it may have been about to start
  for (const [version, route] of [
    ['-4', '198.51.100.60'],
    ['-6', '2001:db8:60::60'],
  ] as const) {
    execFileSync('ip', [version, 'route', 'replace', 'local', route, 'dev', 'lo']);
  }
  start(['0.0.0.0/0', '::/0']);
  write('a.yaml', service('web', 31001) + slice('web', ['node-a']));
  for (const host of ['198.51.100.60', '192.0.2.11', '192.0.2.10']) {
    const answer = await until(
      () => ask(host, 31001),
      (one) => one !== null,
    );
    expect(answer, host).toMatchObject({ status: 200, body: { localEndpoints: 1 } });
  }
  // Each family has its own socket and its own answer.
  expect(await ask('2001:db8:60::60', 31001)).toMatchObject({ status: 503, body: { localEndpoints: 0 } });
  expect(await problems()).toEqual([]);
});

test('503 while no port of the Service leads to the endpoint that is here', async () => {
  const other = slice('web', ['node-a']).replace('{port: 8080}', '{name: other, port: 8080}');
  write('a.yaml', service('web', 31001) + other);
  const answer = await until(
    () => ask('192.0.2.10', 31001),
    (one) => one !== null,
  );
  expect(answer).toMatchObject({ status: 503, body: { localEndpoints: 0 } });
});

test('a thousand Services', async () => {
  const all = Array.from(
    { length: 1000 },
    (_, i) => service(`s${i}`, 31000 + i, 'Local', `10.96.${i >> 8}.${i & 255}`) + slice(`s${i}`, ['node-a']),
  );
  write('a.yaml', all.join(''));
  for (const i of [0, 500, 999]) {
    const answer = await until(
      () => ask('192.0.2.10', 31000 + i),
      (answer) => answer !== null,
    );
    expect(answer).toMatchObject({ status: 200, body: { service: { name: `s${i}` }, localEndpoints: 1 } });
  }
  expect(await problems()).toEqual([]);
});
