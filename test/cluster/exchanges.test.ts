import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { afterEach, expect, test } from 'vitest';
import { makeCertificates } from './certificates.ts';
import { type Exchange, readExchanges } from './exchanges.ts';
import { type ApiObject, isJsonObject, objectAt, textAt } from './simulator/objects.ts';
import { BUILT_IN, type ResourceType } from './simulator/resource-types.ts';
import { Simulator } from './simulator/simulator.ts';

/** The simulator gives the answers that a real API server gave (api-exchanges/). */

const exchanges = new Map(readExchanges().map((exchange) => [exchange.name, exchange]));
const certificates = makeCertificates();
let simulator: Simulator | null = null;

afterEach(async () => {
  await simulator?.stop();
});

function recorded(name: string): Exchange {
  const exchange = exchanges.get(name);
  if (exchange === undefined) throw new Error(name);
  return exchange;
}

function typeOf(kind: string): ResourceType {
  const found = BUILT_IN.find((type) => type.kind === kind);
  if (found === undefined) throw new Error(kind);
  return found;
}

function jsonLines(text: string): unknown[] {
  if (text.trim() === '') return [];
  const lines = text.split('\n').filter((line) => line !== '');
  return text.startsWith('{"type"') ? lines.map((line) => JSON.parse(line)) : [JSON.parse(text)];
}

/** The cluster as it was when the exchanges were recorded. */
async function start(): Promise<Simulator> {
  const started = new Simulator(certificates, 300);
  simulator = started;
  started.users.add('tok123', 'admin', ['system:masters']);
  const { store } = started;
  const [list] = jsonLines(recorded('list-services-rv0').body) as [{ items: ApiObject[] }];
  for (const item of list.items) {
    const object = { ...item, kind: 'Service', apiVersion: 'v1' };
    store.put(typeOf('Service'), object, Number(item.metadata.resourceVersion));
  }
  const [slice] = jsonLines(recorded('watch-initial-events').body) as [{ object: ApiObject }];
  store.put(typeOf('EndpointSlice'), slice.object, 217);
  store.put(typeOf('CustomResourceDefinition'), {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Cluster',
      names: { plural: 'things', singular: 'thing', kind: 'Thing' },
      versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} } }],
    },
  });
  store.advance(222 - store.version);
  await started.start();
  return started;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** @param lines lines after which a watch is closed; without it the function waits for the end of the answer */
async function send(exchange: Exchange, lines = Number.POSITIVE_INFINITY): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const { method, path, contentType, requestBody, name } = exchange;
    const url = new URL(path.replace(/timeoutSeconds=\d+/, 'timeoutSeconds=1'), simulator?.url);
    const sent = request(url, {
      method,
      ca: certificates.authority,
      agent: false,
      headers: {
        'User-Agent': 'curl/8.14.1',
        ...(name === 'unauthorized' ? {} : { Authorization: 'Bearer tok123' }),
        ...(contentType === null ? {} : { 'Content-Type': contentType }),
      },
    });
    sent.on('error', reject);
    sent.on('response', (answer) => {
      let body = '';
      const done = () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body });
      answer.setEncoding('utf8');
      answer.on('data', (text: string) => {
        body += text;
        if (body.split('\n').length <= lines) return;
        done();
        sent.destroy();
      });
      answer.on('end', done);
    });
    sent.end(requestBody);
  });
}

/** Replaces what differs from run to run, and nothing else. */
function settled(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => settled(item));
  if (isJsonObject(value)) {
    const entries = Object.entries(value).map(([name, item]) => [name, settled(item, name)]);
    return Object.fromEntries(entries);
  }
  if (typeof value !== 'string') return value;
  switch (key) {
    case 'uid':
      return value.replace(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'UID');
    case 'resourceVersion':
      return value.replace(/^\d+$/, 'VERSION');
    case 'time':
    case 'creationTimestamp':
      return value.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'TIME');
    case 'name':
      return value.replace(/^a-[a-z0-9]{5}$/, 'a-XXXXX');
    case 'storageVersionHash':
      return value.replace(/^[\w+/]{11}=$/, 'HASH');
    case 'message':
      return value.replace(/\(\d+\)$/, '(OLDEST)');
    default:
      return value;
  }
}

function expectForm(answer: Answer, exchange: Exchange): void {
  expect(answer.status).toBe(exchange.status);
  for (const header of ['content-type', 'x-content-type-options', 'retry-after']) {
    expect(answer.headers[header], header).toBe(exchange.headers[header]);
  }
  if (exchange.headers['content-type'] !== 'application/json') {
    expect(answer.body.trim()).toBe(exchange.body.trim());
    return;
  }
  expect(jsonLines(answer.body).map((line) => settled(line))).toEqual(
    jsonLines(exchange.body).map((line) => settled(line)),
  );
}

/** Exchanges that need no other state, each against a new cluster. */
const independent = [
  'create-cr',
  'create-event',
  'create-event-invalid',
  'discovery-absent-group',
  'discovery-slices',
  'list-absent-kind',
  'list-services',
  'list-services-rv0',
  'patch-absent',
  'subjectaccessreview',
  'tokenreview',
  'tokenreview-bad',
  'unauthorized',
  'watch-future-rv',
  'watch-initial-events',
  'watch-pods-of-node',
];

for (const name of independent) {
  test(name, async () => {
    await start();
    const isWatch = name === 'watch-initial-events';
    expectForm(await send(recorded(name), isWatch ? 2 : undefined), recorded(name));
  });
}

test('list-services-continue: the token of one page gives the next', async () => {
  await start();
  const first = await send(recorded('list-services'));
  const token = textAt(objectAt(JSON.parse(first.body), 'metadata'), 'continue');
  expect(recorded('list-services-continue').path).toContain(token);
  expectForm(await send(recorded('list-services-continue')), recorded('list-services-continue'));
});

test('a custom resource: created, created again, patched, applied, updated from an old version', async () => {
  await start();
  for (const name of [
    'create-cr',
    'create-conflict',
    'patch-status-merge',
    'apply-status',
    'update-conflict',
  ]) {
    expectForm(await send(recorded(name)), recorded(name));
  }
});

test('watch-services and watch-too-old: events behind a version, then bookmarks', async () => {
  const { store } = await start();
  const service = typeOf('Service');
  const [changed, , added] = jsonLines(recorded('watch-services').body) as { object: ApiObject }[];
  if (changed === undefined || added === undefined) throw new Error('recording');
  store.put(service, changed.object, 223);
  const gone = store.get(service, 'shop', 'e');
  if (gone !== null) store.remove(service, gone);
  store.put(service, added.object, 227);
  expectForm(await send(recorded('watch-services'), 5), recorded('watch-services'));
  expectForm(await send(recorded('watch-too-old'), 9), recorded('watch-too-old'));
});

test('watch-gone: history that was compacted', async () => {
  const { store } = await start();
  store.compact();
  expectForm(await send(recorded('watch-gone')), recorded('watch-gone'));
});

test('discovery: what the simulator has of kinds and groups is as recorded', async () => {
  await start();
  for (const [name, list] of [
    ['discovery-core', 'resources'],
    ['discovery-groups', 'groups'],
  ] as const) {
    const answer = JSON.parse((await send(recorded(name))).body);
    const expected = JSON.parse(recorded(name).body);
    const byName = new Map(expected[list].map((each: { name: string }) => [each.name, each]));
    expect({ ...answer, [list]: [] }).toEqual({ ...expected, [list]: [] });
    expect(answer[list].length).toBeGreaterThan(8);
    for (const each of answer[list]) {
      const hash = each.storageVersionHash === undefined ? {} : { storageVersionHash: expect.any(String) };
      expect(each).toEqual({ ...(byName.get(each.name) as object), ...hash });
    }
  }
});

test('every exchange is compared', () => {
  const source = expect.getState().testPath ?? '';
  expect(source).not.toBe('');
  const others = [
    'create-conflict',
    'patch-status-merge',
    'apply-status',
    'update-conflict',
    'discovery-core',
  ];
  const more = [
    'list-services-continue',
    'watch-services',
    'watch-too-old',
    'watch-gone',
    'discovery-groups',
  ];
  expect([...independent, ...others, ...more].sort()).toEqual([...exchanges.keys()].sort());
});
