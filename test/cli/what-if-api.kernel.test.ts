/** POST /api/v1/what-if of a running agent: another process answers, one at a time, and nothing of it stays. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Failure } from '../../src/forms/findings.ts';
import type { WhatIfJson, WhatIfQuestion, WhatIfSummary } from '../../src/forms/what-if.ts';
import { enterFreshNamespace } from '../netns/namespace.ts';
import { knat, type Running, startKnat } from './knat.ts';
import { NODE, POD, serviceManifest } from './manifests.ts';

const folder = mkdtempSync(join(tmpdir(), 'knat-test-'));
const source = ['--source', `dir:${folder}`, '--node', 'n1'];
let agent: Running;

beforeAll(async () => {
  enterFreshNamespace();
  writeFileSync(join(folder, 'node.yaml'), NODE);
  writeFileSync(join(folder, 'web.yaml'), serviceManifest('web', '10.96.0.10'));
  writeFileSync(join(folder, 'pod.yaml'), POD);
  agent = startKnat(['agent', ...source]);
  await agent.errorsHave('"programmed"');
});

afterAll(async () => {
  agent.process.kill('SIGTERM');
  await agent.ended;
  rmSync(folder, { recursive: true });
});

interface Answered {
  readonly status: number;
  readonly body: unknown;
}

function post(
  path: string,
  question: unknown,
  { type = 'application/json', cut = false } = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'localhost', 'content-type': type };
    const call = request(
      { host: '127.0.0.1', port: 8484, path: `/api/v1${path}`, method: 'POST', headers },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) }));
      },
    );
    call.on('error', (error) => (cut ? resolve({ status: 0, body: null }) : reject(error)));
    call.end(typeof question === 'string' ? question : JSON.stringify(question));
    if (cut) setTimeout(() => call.destroy(), 300);
  });
}

function children(): string[] {
  return readdirSync('/proc').filter((id) => {
    if (!/^\d+$/.test(id)) return false;
    try {
      const stat = readFileSync(`/proc/${id}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(parent) === agent.process.pid && state !== 'Z';
    } catch {
      return false;
    }
  });
}

const deletion: WhatIfQuestion = { delete: ['Service/shop/web'] };

test('the answer is that of the command, and its process is gone afterwards', async () => {
  const manifests = [{ name: 'web.yaml', text: serviceManifest('web', '10.96.0.11') }];
  const { status, body } = await post('/what-if', { manifests });
  expect(status).toBe(200);
  writeFileSync(join(folder, '..', 'knat-test-change.yaml'), manifests[0]?.text ?? '');
  const said = await knat([
    'what-if',
    ...source,
    '-f',
    join(folder, '..', 'knat-test-change.yaml'),
    '-o',
    'json',
  ]);
  rmSync(join(folder, '..', 'knat-test-change.yaml'));
  expect((body as WhatIfJson).changes).toEqual((JSON.parse(said.output) as WhatIfJson).changes);
  expect((body as WhatIfJson).changes.length).toBeGreaterThan(0);
  const summary = (await post('/what-if/summary', deletion)).body as WhatIfSummary;
  expect(summary.objects.map(({ object }) => object)).toEqual(['Service shop/web']);
  await expect.poll(children, { timeout: 10_000 }).toEqual([]);
});

test('what cannot be answered says why', async () => {
  const failure = async (question: unknown, options = {}) => {
    const { status, body } = await post('/what-if', question, options);
    return [status, (body as Failure).message] as const;
  };
  expect(await failure({ delete: ['Service/no/where'] })).toEqual([
    400,
    'delete: there is no Service no/where',
  ]);
  expect((await failure('{'))[0]).toBe(400);
  expect(await failure({})).toEqual([400, 'name the change: manifests, or objects in delete']);
  expect(await failure({ manifests: [{ name: 'a.yaml', text: 'a: [b' }] })).toMatchObject([
    400,
    expect.stringMatching(/^a\.yaml:1: /),
  ]);
  expect((await failure({ delete: [], other: 1 }))[0]).toBe(400);
  expect((await failure(deletion, { type: 'text/plain' }))[0]).toBe(415);
  expect((await failure('x'.repeat((8 << 20) + 1)))[0]).toBe(413);
});

test('a client that sends its question slowly keeps no other one waiting', async () => {
  const headers = { host: 'localhost', 'content-type': 'application/json' };
  const slow = request({ host: '127.0.0.1', port: 8484, path: '/api/v1/what-if', method: 'POST', headers });
  slow.on('error', () => {});
  slow.write('{"delete":');
  await expect.poll(async () => (await post('/what-if', deletion)).status, { timeout: 20_000 }).toBe(200);
  slow.destroy();
});

test('one at a time; a client that goes away ends its process', async () => {
  const answers = await Promise.all([1, 2, 3].map(() => post('/what-if', deletion)));
  const served = answers.filter(({ status }) => status === 200);
  expect(served.length).toBeGreaterThanOrEqual(1);
  for (const { status, body } of answers.filter((one) => !served.includes(one))) {
    expect([status, (body as Failure).code]).toEqual([503, 'KNAT_WHAT_IF_BUSY']);
  }
  await post('/what-if', deletion, { cut: true });
  await expect.poll(children, { timeout: 10_000 }).toEqual([]);
  await expect.poll(async () => (await post('/what-if', deletion)).status, { timeout: 20_000 }).toBe(200);
});
