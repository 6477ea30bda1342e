import { request as httpsRequest } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { Connections } from '../observe/connections.ts';
import { type Held, renewed } from './authority.ts';
import type { ReviewRequest } from './review.ts';
import { REVIEW_BOUNDS, REVIEW_PATH, ReviewServer } from './server.ts';

const NAME = 'knat-webhook.knat.svc';
const held = renewed(null, [NAME], Date.now()) as Held;
const open: { destroy(): void }[] = [];
const servers: Server[] = [];

afterEach(() => {
  for (const each of open.splice(0)) each.destroy();
  for (const server of servers.splice(0)) server.close();
});

interface Running {
  readonly port: number;
  readonly server: ReviewServer;
  readonly reviewed: ReviewRequest[];
  readonly refused: string[];
}

async function start(): Promise<Running> {
  const [reviewed, refused]: [ReviewRequest[], string[]] = [[], []];
  const review = (request: ReviewRequest) => {
    reviewed.push(request);
    return {
      denial: request.name === 'no' ? 'because' : null,
      warnings: request.name === 'hm' ? ['look'] : [],
    };
  };
  const server = new ReviewServer(held.serving, { review, refused: (why) => refused.push(why) });
  const made = server.make();
  new Connections(REVIEW_BOUNDS).guard(made);
  servers.push(made);
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return { port: (made.address() as AddressInfo).port, server, reviewed, refused };
}

function bodyOf(name: string): string {
  const request = {
    uid: `uid-${name}`,
    operation: 'CREATE',
    kind: { group: '', version: 'v1', kind: 'Service' },
    name,
  };
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
}

async function ask(port: number, body: string, path = `${REVIEW_PATH}?timeout=2s`) {
  return await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      path,
      method: 'POST',
      servername: NAME,
      ca: [...held.authorities],
    };
    const sent = httpsRequest({ ...options, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A connection that is there and says only this. */
async function half(port: number, text: string, localAddress = '127.0.0.1'): Promise<TLSSocket> {
  const peer = { host: '127.0.0.1', port, localAddress };
  const socket = connect({ ...peer, servername: NAME, ca: [...held.authorities] });
  socket.on('error', () => {});
  open.push(socket);
  await new Promise<void>((resolve) => {
    socket.once('secureConnect', () => resolve());
    socket.once('close', () => resolve());
  });
  socket.write(text);
  return socket;
}

test('answers with the uid: allowed, with warnings, denied', async () => {
  const { port } = await start();
  const answers = await Promise.all(['yes', 'hm', 'no'].map((name) => ask(port, bodyOf(name))));
  expect(answers.map(({ text }) => JSON.parse(text).response)).toEqual([
    { uid: 'uid-yes', allowed: true },
    { uid: 'uid-hm', allowed: true, warnings: ['look'] },
    { uid: 'uid-no', allowed: false, status: { code: 403, reason: 'Forbidden', message: 'because' } },
  ]);
});

test.each([
  ['no JSON', '{', 400],
  ['another kind', '{"apiVersion":"v1","kind":"Pod"}', 400],
  ['an old version', bodyOf('a').replace('k8s.io/v1', 'k8s.io/v1beta1'), 400],
  ['no uid', bodyOf('a').replace('"uid"', '"other"'), 400],
  ['more than 8 MiB', `${bodyOf('a')}${' '.repeat(8 << 20)}`, 413],
])('%s is refused, and nothing is reviewed', async (_, body, status) => {
  const { port, reviewed, refused } = await start();
  // A body that is not read to its end may break the connection before the answer.
  const answer = await ask(port, body).catch(() => ({ status: 413 }));
  expect(answer.status).toBe(status);
  expect([reviewed.length, refused.length]).toEqual([0, 1]);
});

test('another path is not found', async () => {
  const { port } = await start();
  expect((await ask(port, bodyOf('a'), '/')).status).toBe(404);
});

test('clients that hold connections, headers and bodies open do not keep others waiting', async () => {
  const { port, reviewed } = await start();
  const head = `POST ${REVIEW_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{`;
  for (let index = 0; index < 30; index++) await half(port, head);
  for (let index = 0; index < 60; index++)
    await half(port, index % 2 === 0 ? '' : 'POST /review HTTP/1.1\r\n');
  expect((await ask(port, bodyOf('yes'))).status).toBe(200);
  expect(reviewed).toHaveLength(1);
});

test('large bodies that are never finished keep no other source from sending one', async () => {
  const { port } = await start();
  const whole = 8 << 20;
  const head = `POST ${REVIEW_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: ${whole}\r\n\r\n`;
  const most = Buffer.alloc(whole - 1, ' ');
  for (let index = 0; index < 6; index++) {
    const socket = await half(port, head, '127.0.0.2');
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve()); // refused
      socket.write(most, () => resolve());
    });
  }
  expect((await ask(port, bodyOf('yes'))).status).toBe(200);
});

test('a new certificate counts from the next connection on', async () => {
  const { port, server } = await start();
  const next = renewed({ ...held, serving: { certificate: '', key: '' } }, [NAME], Date.now()) as Held;
  const socket = await half(port, '');
  const former = socket.getPeerCertificate().serialNumber;
  server.serve(next.serving);
  const renewedSocket = await half(port, '');
  expect(renewedSocket.getPeerCertificate().serialNumber).not.toBe(former);
  expect((await ask(port, bodyOf('yes'))).status).toBe(200);
});
