/** The WebDAV store against Debian's Apache with mod_dav, on loopback in a namespace of its own. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { WebdavStore } from '../../src/status/stores/webdav-store.ts';
import { enterFreshNamespace } from '../netns/namespace.ts';
import { Apache, type Authentication, PASSWORD, USER } from './apache.ts';

const signal = new AbortController().signal;
let apache: Apache | null = null;
let server: Server | null = null;

beforeAll(() => enterFreshNamespace());

afterEach(async () => {
  await apache?.dispose();
  apache = null;
  server?.closeAllConnections();
  server?.close();
  server = null;
});

async function start(authentication: Authentication): Promise<Apache> {
  apache = new Apache(8080, authentication);
  await apache.start();
  return apache;
}

const user = `${encodeURIComponent(USER)}:${encodeURIComponent(PASSWORD)}@`;
const storeAs = (who: string) => new WebdavStore(`http://${who}127.0.0.1:8080`, 'worker-1');

test.each<[Authentication, string]>([
  ['none', ''],
  ['basic', user],
  ['digest', user],
])('authentication %s: there is nothing, then the folder is made, written and read', async (how, who) => {
  const { documents } = await start(how);
  const store = storeAs(who);
  expect(await store.read(signal)).toBe(null);
  await store.write('{"a":[]}', signal);
  expect(readFileSync(join(documents, 'worker-1/state.json'), 'utf8')).toBe('{"a":[]}');
  await store.write('{"b":[]}', signal);
  expect(await store.read(signal)).toBe('{"b":[]}');
  // Another agent finds the folder that is there.
  const second = storeAs(who);
  await second.write('{"c":[]}', signal);
  expect(await second.read(signal)).toBe('{"c":[]}');
});

test('a removed folder is created again', async () => {
  const { documents } = await start('none');
  const store = storeAs('');
  await store.write('{}', signal);
  rmSync(join(documents, 'worker-1'), { recursive: true });
  await store.write('{"a":[]}', signal);
  expect(await store.read(signal)).toBe('{"a":[]}');
});

test.each<[Authentication, string]>([
  ['basic', ''],
  ['basic', 'knat:wrong@'],
  ['digest', ''],
  ['digest', 'knat:wrong@'],
])('%s: %s is refused, and no message contains the password', async (how, who) => {
  await start(how);
  const store = storeAs(who);
  const message = /status 401: the name and password in --state-uri are not accepted/;
  await expect(store.read(signal)).rejects.toThrow(message);
  await expect(store.write('{}', signal)).rejects.toThrow(message);
  await expect(store.write('{}', signal)).rejects.not.toThrow('wrong');
  expect(storeAs(user).name).toBe('WebDAV http://127.0.0.1:8080/worker-1/state.json');
});

test('a server that may not write there says so', async () => {
  const { documents } = await start('none');
  mkdirSync(join(documents, 'worker-1'));
  writeFileSync(join(documents, 'worker-1/state.json'), 'null');
  const store = storeAs('');
  expect(await store.read(signal)).toBe('null');
  await expect(store.write('{}', signal)).rejects.toThrow(/PUT is answered with status 5\d\d|status 403/);
});

test('a server that is away, and comes back', async () => {
  const running = await start('none');
  const store = storeAs('');
  await store.write('{}', signal);
  await running.stop();
  await expect(store.write('{"a":[]}', signal)).rejects.toThrow(/ECONNREFUSED/);
  await running.start();
  await store.write('{"a":[]}', signal);
  expect(await store.read(signal)).toBe('{"a":[]}');
});

/** The requests that a server received, with the kind of their credentials. */
async function serve(answer: (method: string, times: number) => number): Promise<string[]> {
  const asked: string[] = [];
  const times = new Map<string, number>();
  server = createServer((request, response) => {
    const method = request.method ?? '';
    times.set(method, (times.get(method) ?? 0) + 1);
    asked.push(`${method} ${request.url} ${request.headers.authorization?.split(' ')[0] ?? 'nobody'}`);
    const status = answer(method, times.get(method) ?? 0);
    const challenge = status === 401 ? { 'WWW-Authenticate': 'Digest realm="x", nonce="y", qop="auth"' } : {};
    request.resume().on('end', () => response.writeHead(status, challenge).end());
  });
  await new Promise<void>((resolve) => server?.listen(8080, '127.0.0.1', resolve));
  return asked;
}

test.each([404, 409])(
  'a PUT answered with %d makes the folder and is sent once more, no oftener',
  async (status) => {
    const asked = await serve((method) => (method === 'MKCOL' ? 405 : status));
    await expect(storeAs('').write('{}', signal)).rejects.toThrow(`PUT is answered with status ${status}`);
    const file = 'PUT /worker-1/state.json nobody';
    const folder = 'MKCOL /worker-1/ nobody';
    expect(asked).toEqual([folder, file, folder, file]);
  },
);

test('a server that asks for a digest never sees the password', async () => {
  const asked = await serve(() => 401);
  await expect(storeAs(user).read(signal)).rejects.toThrow('401');
  const file = 'GET /worker-1/state.json';
  expect(asked).toEqual([`${file} nobody`, `${file} Digest`]);
});
