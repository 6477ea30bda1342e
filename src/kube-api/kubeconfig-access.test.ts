import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ApiClient } from './client.ts';
import { KubeconfigAccess } from './kubeconfig-access.ts';

/** What a server is sent for each form of a user. TLS and proxies: test/cluster/clients.test.ts. */

const folder = mkdtempSync(join(tmpdir(), 'knat-access-'));
const asked: IncomingMessage[] = [];
let server: Server;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request);
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
beforeEach(() => {
  asked.length = 0;
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

const surroundings = { now: () => 0, random: () => 0, sleep: () => new Promise<void>(() => {}) };

async function open(user: object, where: object = {}): Promise<KubeconfigAccess> {
  const kubeconfig = join(folder, 'config');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = {
    clusters: [{ name: 'c', cluster: { server: url, ...where } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  return await KubeconfigAccess.open({ environment: process.env, kubeconfig });
}

async function headersFor(user: object): Promise<IncomingMessage> {
  const client = new ApiClient(await open(user), surroundings);
  await client.json({ path: '/x' }, new AbortController().signal, 5_000);
  const [request] = asked;
  if (request === undefined) throw new Error('nothing was asked');
  return request;
}

test('name and password', async () => {
  const { headers } = await headersFor({ username: 'a', password: 'b' });
  expect(headers.authorization).toBe('Basic YTpi');
});

test('impersonation: a header for each group', async () => {
  const { headersDistinct } = await headersFor({ token: 't', as: 'jane', 'as-groups': ['a', 'b'] });
  expect(headersDistinct['impersonate-user']).toEqual(['jane']);
  expect(headersDistinct['impersonate-group']).toEqual(['a', 'b']);
  expect(headersDistinct.authorization).toEqual(['Bearer t']);
});

test('a plugin is not asked where the kubeconfig has a token', async () => {
  const { headers } = await headersFor({ token: 't', exec: { command: '/nonexistent/plugin' } });
  expect(headers.authorization).toBe('Bearer t');
});

test('a plugin that asks gets the cluster, with its authority and its configuration for the plugin', async () => {
  const script =
    'console.log(JSON.stringify({ status: { token: Buffer.from(process.env.KUBERNETES_EXEC_INFO).toString("base64") } }))';
  writeFileSync(join(folder, 'ca.crt'), 'PEM');
  const access = await open(
    { exec: { command: process.execPath, args: ['-e', script], provideClusterInfo: true } },
    {
      'certificate-authority': 'ca.crt',
      'tls-server-name': 'api',
      extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'a' } }],
    },
  );
  const { headers } = await access.requestOptions(new AbortController().signal);
  const { Authorization: token } = headers as { Authorization: string };
  expect(JSON.parse(Buffer.from(token.slice('Bearer '.length), 'base64').toString()).spec).toEqual({
    interactive: false,
    cluster: {
      server: access.server,
      'certificate-authority-data': Buffer.from('PEM').toString('base64'),
      'tls-server-name': 'api',
      config: { audience: 'a' },
    },
  });
});

test('a broken file leaves the credentials as they were; a mended one is read', async () => {
  const access = await open({ token: 'one' });
  const token = async () => (await access.requestOptions(new AbortController().signal)).headers;
  writeFileSync(join(folder, 'config'), 'a: [');
  access.renew(0);
  expect(await token()).toEqual({ Authorization: 'Bearer one' });
  await open({ token: 'two' });
  access.renew(0);
  expect(await token()).toEqual({ Authorization: 'Bearer one' });
  access.renew(1);
  expect(await token()).toEqual({ Authorization: 'Bearer two' });
});
