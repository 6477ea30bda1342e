import { z } from '@hono/zod-openapi';
import { pino } from 'pino';
import { beforeAll, describe, expect, test } from 'vitest';
import { serviceFact, sliceFact } from '../../test/generators/large-cluster.ts';
import type { Datapath } from '../datapath/datapath.ts';
import type { PodFact } from '../model/pod.ts';
import { parseAddress } from '../net/address.ts';
import { parsePort } from '../net/port.ts';
import { parsePrefix } from '../net/prefix.ts';
import { apiOf, describeApi, type Routes } from '../observe/api/routes.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Agent } from './agent.ts';

/** Real answers of the API held against what it says of itself. */

function sure<Value>(value: Value | null | string): Value {
  if (value === null || typeof value === 'string') throw new Error(`not parsed: ${value}`);
  return value as Value;
}
const address = (text: string) => parseAddress(text) as NonNullable<ReturnType<typeof parseAddress>>;
const port = (number: number) => sure(parsePort(number));

const pod: PodFact = {
  labels: {},
  namespace: 'shop',
  name: 'mail',
  uid: 'u1',
  createdAt: 1,
  nodeName: 'node-0',
  hostNetwork: false,
  finished: false,
  terminating: false,
  ready: true,
  ips: [address('10.244.0.9')],
  hostPorts: [],
  nat: {
    entries: [
      {
        interfaceAuto: false,
        sourceIP: address('192.0.2.1'),
        sourcePort: port(25),
        destinationPort: port(25),
        portCount: 1,
        protocol: 'TCP',
        allow: null,
        egress: true,
        takeover: false,
      },
    ],
    error: null,
    warnings: [],
  },
};

/** @param now milliseconds since the start */
function emptyAgent(now: () => number = () => 0): Agent {
  return new Agent({
    settings: {
      nodeName: 'node-0',
      nodeConfig: { nodeIPs: [address('192.0.2.1')], localNodeIPs: [address('192.0.2.1')] },
      plan: defaultPlanOptions,
      source: { name: 'test', run: async () => {} },
    },
    datapath: {} as unknown as Datapath,
    host: [],
    interfaces: { current: () => [], watch: () => () => {} } as never,
    guard: null,
    logger: pino({ level: 'silent' }),
    surroundings: {
      now,
      random: () => 0,
      sleep: async () => {},
      wallClock: () => new Date('2026-01-01T00:00:00Z'),
    },
    version: '0.1.0',
    processId: 1,
    companions: [],
  });
}

function makeAgent(): Agent {
  const agent = emptyAgent();
  const { planner } = agent;
  for (let index = 0; index < 5; index++) {
    const service = { ...serviceFact(index), externalIPs: index < 2 ? [address('203.0.113.9')] : [] };
    const ports = serviceFact(0).ports;
    const slice = sliceFact(index, 2);
    planner.apply([
      { kind: 'Service', key: `${service.namespace}/${service.name}`, fact: { ...service, ports } },
      { kind: 'EndpointSlice', key: `${slice.namespace}/${slice.name}`, fact: slice },
    ]);
  }
  const pool = { name: 'pods', cidr: sure(parsePrefix('10.244.0.0/16')), natOutgoing: true, disabled: false };
  planner.apply([
    { kind: 'Pod', key: 'shop/mail', fact: pod },
    { kind: 'Pod', key: 'shop/host', fact: { ...pod, name: 'host', uid: 'u2', hostNetwork: true } },
    { kind: 'IPPool', key: 'pods', fact: { ...pool, loadBalancerOnly: false } },
  ]);
  planner.update();
  agent.findings.trouble('KNAT_HTTP_ADDRESS', 'for the test');
  agent.observations.history.succeeded(Date.parse('2026-01-01T00:00:00Z'), 1.5, 3, 1);
  agent.observations.history.failed(Date.parse('2026-01-01T00:00:00Z'));
  return agent;
}

let agent: Agent;

beforeAll(() => {
  agent = makeAgent();
});

/** Questions for each route: a route without any is an error of this test. */
const questions: Readonly<Record<string, readonly string[]>> = {
  '/status': [''],
  '/summary': [''],
  '/entries': ['', '?kind=frontend,binding&limit=2', '?search=mail', '?kind=scope'],
  '/pools': [''],
  '/pools/matrix': ['', '?limit=1'],
  '/conflicts': ['', '?search=203.0.113.9&limit=1'],
  '/notices': ['', '?offset=1'],
  '/problems': [''],
  '/explain': ['?from=10.244.0.9&to=203.0.113.9:80', '?from=pod/shop/mail&to=198.51.100.1&port=25'],
  '/describe': ['?from=10.244.0.9&to=198.51.100.1:443'],
  '/places': ['', '?search=pod/', '?search=svc/shop/'],
  '/activity': ['', '?after=1'],
  '/history': [''],
  '/metrics': [''],
};

test('the questions of this test are about the routes that there are', async () => {
  const document = describeApi(await agent.api(), '0.1.0') as {
    openapi: string;
    paths: Record<string, object>;
  };
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths).sort()).toEqual(
    Object.keys(questions)
      .map((path) => `/api/v1${path}`)
      .sort(),
  );
  for (const methods of Object.values(document.paths)) expect(Object.keys(methods)).toEqual(['get']);
});

/** The schema that the document has for the route's answer. */
async function answerSchema(path: string): Promise<z.ZodType> {
  for (const definition of (await agent.api()).openAPIRegistry.definitions) {
    if (definition.type !== 'route' || definition.route.path !== path) continue;
    const answer = definition.route.responses[200];
    const content = answer !== undefined && 'content' in answer ? answer.content : undefined;
    const media = content?.['application/json'];
    const schema = media !== undefined && 'schema' in media ? media.schema : undefined;
    if (schema instanceof z.ZodType) return schema;
  }
  throw new Error(`no schema for ${path}`);
}

describe.each(Object.entries(questions))('%s', (path, queries) => {
  test.each(queries)(
    '%s answers in the form that it says, and nothing that it does not say',
    async (query) => {
      const answer = await (await agent.api()).request(`${path}${query}`);
      const body: unknown = await answer.json();
      expect(answer.status, JSON.stringify(body)).toBe(200);
      expect((await answerSchema(path)).parse(body)).toEqual(body);
    },
  );
});

async function ask(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await (await agent.api()).request(path);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

test('the answers have what was put in', async () => {
  const { body: status } = await ask('/summary');
  expect(status).toMatchObject({ findings: { conflicts: 1, notices: 1, problems: 1 } });
  expect(status).toMatchObject({ state: { level: 'warning', text: 'reading' } });
  expect(status).not.toHaveProperty('conflicts');
  expect((await ask('/status')).body).toHaveProperty('conflicts');
  const { body: bindings } = await ask('/entries?kind=binding');
  expect(bindings).toMatchObject({ total: 1, items: [{ key: '192.0.2.1:25/TCP', owner: 'Pod shop/mail' }] });
  expect((await ask('/pools')).body).toMatchObject({ items: [{ name: 'pods', natOutgoing: true }] });
  const towards = [
    { pool: 'pods', verdict: 'keep' },
    { pool: null, verdict: 'masquerade' },
  ];
  expect((await ask('/pools/matrix')).body).toMatchObject({ total: 1, rows: [{ pool: 'pods', towards }] });
  expect((await ask('/conflicts?search=nobody')).body).toMatchObject({ total: 0, items: [] });
  expect((await ask('/notices')).body).toMatchObject({ items: [{ reason: 'NatHostNetwork' }] });
  expect((await ask('/explain?from=pod/shop/mail&to=198.51.100.1:25')).body).toMatchObject({
    verdict: 'snat',
  });
  expect((await ask('/history')).body).toMatchObject({
    items: [{ converges: 1, failures: 1, meanMilliseconds: 1.5, maxMilliseconds: 1.5 }],
  });
  const { body: activity } = await ask('/activity');
  expect(activity.items).toMatchObject([{ kind: 'started' }, { kind: 'problem' }]);
});

test.each([
  ['/entries?limit=0', 'limit'],
  ['/entries?limit=5001', 'limit'],
  ['/entries?kind=__proto__', '"__proto__" is none of frontend'],
  ['/entries?kind=constructor,frontend', '"constructor" is none of frontend'],
  ['/entries?kind=frontends', '"frontends" is none of frontend, binding, reservation, source'],
  ['/entries?protocol=icmp', '"icmp" is none of TCP, UDP, SCTP'],
  [`/entries?search=${'x'.repeat(601)}`, 'search'],
  ['/conflicts?offset=-1', 'offset'],
  ['/explain?from=10.0.0.1', 'to is missing'],
  ['/explain?from=10.0.0.1&to=nonsense', 'to: '],
])('%s is refused with what is wrong', async (path, message) => {
  const { status, body } = await ask(path);
  expect(status).toBe(400);
  expect(body).toMatchObject({ code: 'KNAT_INVALID_INPUT', details: expect.any(Array) });
  expect(body.message).toContain(message);
});

test('before the first plan only what tells of the agent itself is answered, companions’ routes neither', async () => {
  let now = 5_000;
  const starting = emptyAgent(() => now);
  now = 17_400;
  const weather: Routes = (app) => app.get('/weather', (context) => context.json({ sun: true }));
  const api = apiOf(starting.view, [weather]);
  const answered: string[] = [];
  for (const [path, [query = '']] of [...Object.entries(questions), ['/weather', ['']] as const]) {
    const answer = await api.request(`${path}${query}`);
    if (answer.status === 200) answered.push(path);
    else {
      expect(answer.status, path).toBe(503);
      expect(await answer.json()).toEqual({
        code: 'KNAT_SOURCE_READING',
        message: 'the agent is still reading its source (12 s so far); try again shortly',
        details: [],
      });
    }
  }
  expect(answered).toEqual(['/status', '/summary', '/problems', '/activity', '/history', '/metrics']);
  starting.planner.update();
  expect((await api.request('/entries')).status).toBe(200);
});

test('companions add routes of their own', async () => {
  const api = apiOf(agent.view, [(app) => app.get('/weather', (context) => context.json({ sun: true }))]);
  expect(await (await api.request('/weather')).json()).toEqual({ sun: true });
});
