import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { makeCertificates } from '../../../test/cluster/certificates.ts';
import { FragmentUnion } from '../../plan/fragment-union.ts';
import { apiOf } from '../api/routes.ts';
import type { AgentView } from '../api/view.ts';
import type { HealthFacts } from '../health.ts';
import type { ListenAddress } from '../listening.ts';
import { Observations } from '../observations.ts';
import { Gate, type Reviewer } from './gate.ts';
import { serveHttp } from './http-server.ts';
import { metricsSite, wholeSite } from './site.ts';
import type { TlsPaths } from './tls-files.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const cluster: Reviewer = {
  whoIs: async (token) => (token === 'good' ? { username: 'ann', uid: '', groups: [], extra: {} } : null),
  mayGet: async (_, path) => path === '/metrics',
};

const well: HealthFacts = {
  now: 0,
  synced: true,
  programmedAt: 0,
  failingSince: null,
  convergingSince: null,
  nodeEligible: true,
};

/** What the view says was refused. */
const findings: Record<'notices' | 'conflicts', object[]> = { notices: [], conflicts: [] };

const REFUSED = { kind: 'Refused' };

interface Wanted {
  readonly site?: 'whole' | 'metrics';
  readonly openMetrics?: boolean;
  readonly tls?: TlsPaths | null;
  readonly health?: Partial<HealthFacts>;
  /** Seconds without a plan; null: there is one. */
  readonly reading?: number | null;
}

interface Served {
  readonly port: number;
  readonly observations: Observations;
  readonly troubles: (string | null)[];
  /** Ends the waits of the server. */
  wake(): void;
}

async function serve({
  site = 'whole',
  openMetrics = false,
  tls = null,
  health,
  reading = null,
}: Wanted = {}): Promise<Served> {
  const observations = new Observations({ kubeProxyNames: true });
  const view = {
    status: () => ({ version: '0.1.0', ...findings }),
    health: () => ({ ...well, ...health }),
    reading: () => reading,
    plan: new FragmentUnion(),
    observations,
    now: () => Date.now(),
  } as unknown as AgentView;
  const gate = new Gate({ reviewer: cluster, now: () => performance.now() });
  const parts = { api: apiOf(view, []), view, gate, openMetrics };
  const stop = new AbortController();
  const troubles: (string | null)[] = [];
  const sleepers: (() => void)[] = [];
  let running: Promise<void> = Promise.resolve();
  const { port } = await new Promise<ListenAddress>((listening, reject) => {
    running = serveHttp(
      {
        address: { host: '127.0.0.1', port: 0 },
        served: { what: 'the API', option: '--http-address', rival: '' },
        site: async () => (site === 'whole' ? wholeSite(parts) : metricsSite(parts)),
        tls,
      },
      { listening, refused: (why) => reject(new Error(why)), tls: (trouble) => troubles.push(trouble) },
      (_, signal) =>
        new Promise((resolve) => {
          sleepers.push(resolve);
          signal.addEventListener('abort', () => resolve(), { once: true });
        }),
      stop.signal,
    );
  });
  ends.push(async () => {
    stop.abort();
    await running;
  });
  const wake = () => {
    for (const end of sleepers.splice(0)) end();
  };
  return { port, observations, troubles, wake };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

function ask(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('serves the API, its description, metrics, health, the list', async () => {
  const { port, observations } = await serve();
  const entries = await ask(port, '/api/v1/entries');
  expect(JSON.parse(entries.body)).toEqual({ items: [], total: 0, next: null, revision: 0 });
  expect(JSON.parse((await ask(port, '/openapi.json')).body)).toMatchObject({ openapi: '3.1.0' });
  const metrics = await ask(port, '/metrics');
  expect(metrics.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(metrics.body).toContain('knat_converge_duration_seconds_bucket');
  expect(await ask(port, '/entries/list')).toMatchObject({ status: 200, body: '[]\n' });
  expect((await ask(port, '/entries/list?format=text')).body).toMatch(/^KIND +WHAT +OBJECT +BECOMES\n$/);
  expect((await ask(port, '/entries/list?format=xml')).status).toBe(400);
  expect((await ask(port, '/entries/list?kind=x')).status).toBe(400);
  expect((await ask(port, '/nowhere')).status).toBe(404);
  expect((await ask(port, '/api/v2/status')).status).toBe(404);
  const { body } = await observations.metrics.text();
  expect(body).toContain('knat_http_requests_total{code="404"} 2');
});

test('the list has refused objects with the reason, unless another kind is asked for', async () => {
  const { port } = await serve();
  const list = async (query: string) => JSON.parse((await ask(port, `/entries/list${query}`)).body);
  const pod = (name: string) => ({ kind: 'Pod', namespace: 'mail', name });
  findings.notices.push({ reason: 'NatInvalid', object: pod('a'), message: 'no such port' });
  const key = '192.0.2.1:25/TCP';
  findings.conflicts.push({
    code: 'NatConflict',
    key,
    winner: pod('c'),
    losers: [pod('b')],
    because: 'it is newer',
  });
  const message = 'belongs to Pod mail/c: it is newer';
  const refused = [
    { ...REFUSED, key: 'Pod mail/a', owner: 'Pod mail/a', reason: 'NatInvalid', message: 'no such port' },
    { ...REFUSED, key, owner: 'Pod mail/b', reason: 'NatConflict', message },
  ];
  expect(await list('')).toEqual(refused);
  expect(await list('?kind=binding,refused')).toEqual(refused);
  expect(await list('?kind=Refused&object=mail/b')).toEqual(refused.slice(1));
  expect(await list('?object=Pod%20MAIL/a')).toEqual(refused.slice(0, 1));
  expect(await list('?search=NATCONFLICT')).toEqual(refused.slice(1));
  for (const query of [
    '?kind=binding',
    '?family=IPv4',
    '?protocol=tcp',
    '?unserved=true',
    '?object=mail/c',
  ]) {
    expect([query, await list(query)]).toEqual([query, []]);
  }
  expect((await ask(port, '/entries/list?kind=refused,x')).status).toBe(400);
  expect((await ask(port, '/entries/list?kind=')).status).toBe(400);
  expect((await ask(port, '/entries/list?format=text')).body).toMatch(
    /^refused +192\.0\.2\.1:25\/TCP +Pod mail\/b +NatConflict: belongs to Pod mail\/c: it is newer$/m,
  );
  findings.notices.length = 0;
  findings.conflicts.length = 0;
});

test.each<[string, Partial<HealthFacts>, string, number]>([
  ['well', {}, 'pong\n', 200],
  [
    'not in sync',
    { synced: false, programmedAt: null },
    'starting: the source has not delivered everything yet\n',
    503,
  ],
  ['the kernel refuses', { failingSince: 0 }, 'the kernel has not matched for 0 s\n', 503],
])('health: %s', async (_, health, text, ready) => {
  const { port } = await serve({ health });
  expect(await ask(port, '/ready')).toMatchObject({ status: ready, body: text });
  expect(await ask(port, '/healthz')).toMatchObject({ status: 200, body: 'pong\n' });
  expect(await ask(port, '/ping')).toMatchObject({ status: 200, body: 'pong\n' });
  expect((await ask(port, '/livez')).status).toBe(200);
  expect((await ask(port, '/readyz')).status).toBe(ready);
});

test('a stuck agent is not alive', async () => {
  const { port } = await serve({ health: { convergingSince: -61_000 } });
  expect((await ask(port, '/ping')).status).toBe(503);
  expect((await ask(port, '/livez')).status).toBe(503);
});

test('from elsewhere: health for everyone, the rest for tokens that may get it', async () => {
  const { port } = await serve();
  const far = { 'x-forwarded-for': '203.0.113.9' };
  for (const path of ['/healthz', '/ping', '/ready', '/livez', '/readyz']) {
    expect((await ask(port, path, far)).status, path).toBe(200);
  }
  for (const path of [
    '/metrics',
    '/api/v1/status',
    '/openapi.json',
    '/entries/list',
    '/nowhere',
    '/healthz/',
  ]) {
    const answer = await ask(port, path, far);
    expect(answer.status, path).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'KNAT_HTTP_REFUSED' });
  }
  const good = { ...far, authorization: 'Bearer good' };
  expect((await ask(port, '/metrics', good)).status).toBe(200);
  expect((await ask(port, '/api/v1/entries', good)).status).toBe(403);
  expect((await ask(port, '/metrics', { ...far, authorization: 'Bearer bad' })).status).toBe(401);
  expect((await ask(port, '/metrics', { host: 'evil.example' })).status).toBe(421);
});

test('a page of another site starts no trace', async () => {
  const { port } = await serve();
  const path = '/api/v1/trace?from=10.0.0.1&to=10.0.0.2:80';
  for (const site of ['cross-site', 'same-site']) {
    expect((await ask(port, path, { 'sec-fetch-site': site })).status).toBe(403);
  }
  for (const site of ['same-origin', 'none']) {
    expect((await ask(port, path, { 'sec-fetch-site': site })).status).not.toBe(403);
  }
});

test('the metrics address serves /metrics alone, to everyone only where that is wanted', async () => {
  const far = { 'x-forwarded-for': '203.0.113.9' };
  const closed = await serve({ site: 'metrics' });
  expect((await ask(closed.port, '/metrics')).status).toBe(200);
  expect((await ask(closed.port, '/metrics', far)).status).toBe(401);
  expect((await ask(closed.port, '/api/v1/entries')).status).toBe(404);
  const open = await serve({ site: 'metrics', openMetrics: true });
  expect((await ask(open.port, '/metrics', { ...far, host: 'node-1:10249' })).status).toBe(200);
  expect((await ask(open.port, '/other', far)).status).toBe(401);
});

test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('%s is refused everywhere', async (method) => {
  const { port } = await serve();
  for (const path of ['/api/v1/entries', '/healthz', '/metrics']) {
    expect(await ask(port, path, {}, method)).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
  }
});

test('before the first plan, answers that need it are 503 with a code of their own', async () => {
  const { port } = await serve({ reading: 12 });
  for (const path of ['/api/v1/entries', '/api/v1/explain?from=10.0.0.1&to=10.0.0.2', '/entries/list']) {
    const answer = await ask(port, path);
    expect(answer.status, path).toBe(503);
    expect(answer.headers['retry-after']).toBe('2');
    expect(JSON.parse(answer.body)).toEqual({
      code: 'KNAT_SOURCE_READING',
      message: 'the agent is still reading its source (12 s so far); try again shortly',
      details: [],
    });
  }
  expect((await ask(port, '/openapi.json')).status).toBe(200);
  expect((await ask(port, '/metrics')).status).toBe(200);
});

test('HEAD is GET without a body', async () => {
  const { port } = await serve();
  expect(await ask(port, '/api/v1/entries', {}, 'HEAD')).toMatchObject({ status: 200, body: '' });
  expect(await ask(port, '/entries/list', {}, 'HEAD')).toMatchObject({ status: 200, body: '' });
  expect((await ask(port, '/entries/list')).status).toBeOneOf([200, 503]);
});

test('every answer has the headers that restrict browsers', async () => {
  const { port } = await serve();
  for (const path of ['/api/v1/entries', '/nowhere', '/healthz', '/entries/list']) {
    expect((await ask(port, path)).headers, path).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
    expect((await ask(port, path)).headers).not.toHaveProperty('access-control-allow-origin');
  }
});

/** What comes back for raw bytes until the server closes the connection. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.setEncoding('utf8').on('data', (piece: string) => {
      answer += piece;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

test('headers without end, headers that are too large, and half requests end the connection', async () => {
  const { port } = await serve();
  const large = `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`;
  expect(await raw(port, large)).toContain('431');
  expect(await raw(port, 'nonsense\r\n\r\n')).toContain('400');
  const body = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello';
  expect(await raw(port, body)).toMatch(/connection: close/i);
  const started = performance.now();
  expect(await raw(port, 'GET /healthz HTTP/1.1\r\nHost: loc')).toContain('408');
  expect(performance.now() - started).toBeLessThan(20_000);
}, 40_000);

test('more connections than there is room for are turned away, and others are not disturbed', async () => {
  const { port } = await serve();
  const sockets = Array.from({ length: 200 }, () => connect(port, '127.0.0.1'));
  const isOpen = await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<boolean>((resolve) => {
          socket.on('error', () => resolve(false));
          socket.on('close', () => resolve(false));
          setTimeout(() => resolve(true), 1_000);
        }),
    ),
  );
  expect(isOpen.filter(Boolean).length).toBeLessThanOrEqual(128);
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await ask(port, '/healthz')).status).toBe(200);
}, 20_000);

test('TLS with the given pair, taken anew when the files change; a broken pair leaves the one before', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'knat-tls-'));
  ends.push(async () => rmSync(folder, { recursive: true }));
  const paths = { certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  const put = ({ serverCertificate, serverKey }: ReturnType<typeof makeCertificates>) => {
    writeFileSync(paths.certificate, serverCertificate);
    writeFileSync(paths.key, serverKey);
  };
  const [first, second] = [makeCertificates(), makeCertificates()];
  put(first);
  const { port, troubles, wake } = await serve({ tls: paths });
  const trusts = (ca: string) =>
    new Promise<boolean>((resolve) => {
      const socket = connectTls({ host: '127.0.0.1', port, ca, servername: 'localhost' }, () => {
        resolve(true);
        socket.destroy();
      });
      socket.on('error', () => resolve(false));
    });
  const until = async (condition: () => Promise<boolean>) => {
    for (let attempt = 0; attempt < 200; attempt++) {
      wake();
      if (await condition()) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error('never');
  };
  expect(await trusts(first.authority)).toBe(true);
  expect(await trusts(second.authority)).toBe(false);
  const status = await new Promise((resolve, reject) => {
    httpsRequest({ host: '127.0.0.1', port, path: '/ping', ca: first.authority }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on('error', reject)
      .end();
  });
  expect(status).toBe(200);
  writeFileSync(paths.certificate, second.serverCertificate); // its key is not there yet
  await until(async () => troubles.at(-1)?.includes('are no certificate with its key') === true);
  expect(await trusts(first.authority)).toBe(true);
  put(second);
  await until(() => trusts(second.authority));
  expect(troubles.at(-1)).toBeNull();
  await expect(ask(port, '/ping')).rejects.toThrow(); // no plain HTTP beside it
}, 30_000);
