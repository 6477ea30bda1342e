/** Reaches each limit that needs no more than one part of the agent. Others are reached beside the tests of their part. */

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { bites } from '../../test/generators/limits.ts';
import type { AgentFacts } from '../agent/companion.ts';
import { FlowLists } from '../agent/flow-lists.ts';
import type { FlowMemory } from '../agent/flow-memory.ts';
import { askProcess } from '../agent/past-process.ts';
import { WhatIfRuns } from '../agent/what-if/runs.ts';
import { FileStore } from '../flows/attribution/file-store.ts';
import type { FlowLines } from '../flows/flow-lines.ts';
import { RateMeter } from '../flows/rates.ts';
import { WaitingEvents } from '../flows/waiting-events.ts';
import { API_PATH } from '../forms/request.ts';
import { routes } from '../forms/routes.ts';
import { Recorder } from '../journal/recorder.ts';
import { linesOf } from '../kube-api/lines.ts';
import type { FactChange } from '../model/facts.ts';
import { ActivityLog } from '../observe/activity.ts';
import { agentAnswers } from '../observe/agent-answers.ts';
import { answerPosted, createApi } from '../observe/api/route.ts';
import { boundsOf, Connections, REQUEST_LIMITS } from '../observe/connections.ts';
import { Gate } from '../observe/http/gate.ts';
import { defaultPodNatOptions } from '../sources/objects/metadata.ts';
import { EventQueue } from '../status/kube/event-queue.ts';
import type { FlowView } from '../wire/conntrack/flow-view.ts';
import { onLimitReached, timesReached } from './reached.ts';
import { type LimitName, limits } from './table.ts';

test('a limit that is reached is counted, and told to whoever asked for it', () => {
  const told: LimitName[] = [];
  const end = onLimitReached((name) => told.push(name));
  const before = timesReached('activities');
  const log = new ActivityLog();
  for (let index = 0; index <= limits.activities.most; index++) {
    log.add({ kind: 'notice', severity: 'info', message: String(index), object: null }, '');
  }
  end();
  expect(timesReached('activities') - before).toBe(1);
  expect(told).toEqual(['activities']);
  expect(log.since(0)).toHaveLength(limits.activities.most);
});

describe('connections', () => {
  const groups = [
    ['socket-connections', 'socket-connections-of-others', 'socket-connections-of-another-user'],
    ['http-connections-near', 'http-connections-far', 'http-connections-of-source'],
    ['health-check-connections-near', 'health-check-connections-far', 'health-check-connections-of-source'],
  ] as const;
  test.each(
    groups.flatMap(([near, far, perSource]) =>
      [near, far, perSource].map((name) => ({ near, far, perSource, name })),
    ),
  )('one more than $name has room for', async ({ name, ...names }) => {
    let next = 0;
    const connections = new Connections(boundsOf(names), () => ({
      isNear: name === names.near,
      source: name === names.perSource ? 'one' : String(next++),
    }));
    const sockets = Array.from({ length: limits[name].most }, () => new Socket());
    for (const socket of sockets) expect(connections.admit(socket)).toBe(true);
    await bites(name, () => connections.admit(new Socket()));
    expect(sockets.filter(({ destroyed }) => destroyed)).toEqual([sockets[0]]);
    connections.close();
  });

  test('silence, and a body that does not come: connection-idle, request-body-time', async () => {
    const server = createServer({ ...REQUEST_LIMITS, headersTimeout: 50, requestTimeout: 50 }, () => {});
    const connections = new Connections();
    connections.guard(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      connections.close();
      server.close();
    });
    const cutOff = (text: string) =>
      new Promise<void>((resolve) => {
        const { port } = server.address() as AddressInfo;
        connect(port, '127.0.0.1', function (this: Socket) {
          this.write(text);
        })
          .on('error', () => {})
          .on('close', () => resolve())
          .resume();
      });
    await Promise.all([
      bites('request-body-time', () => cutOff('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nfive')),
      bites('connection-idle', () => cutOff('GET / HT')),
    ]);
  }, 60_000);
});

test('requests-of-connection: a client that asks again before it has its answer is cut', async () => {
  let asked = 0;
  const { server, port } = await guarded(() => asked++);
  const socket = connect(port, '127.0.0.1').resume();
  await bites('requests-of-connection', async () => {
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3));
    await once(
      socket.on('error', () => {}),
      'close',
    );
  });
  expect(asked).toBe(1);
  expect(server.listening).toBe(true);
});

test('answer-unread: a client that reads nothing is cut, one that waits for its answer is not', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { port } = await guarded((request, response) => {
    response.writeHead(200);
    if (request.url === '/long') response.write(Buffer.alloc(32 << 20));
    else response.flushHeaders();
  });
  const ask = (path: string) => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    return socket;
  };
  const [deaf, patient] = [ask('/long'), ask('/soon').resume()];
  await once(patient, 'data');
  await once(deaf, 'readable');
  await bites('answer-unread', async () => {
    for (let second = 0; second <= limits['answer-unread'].most / 1_000 + 1; second++) {
      vi.advanceTimersByTime(1_000);
      await turn();
    }
    await once(deaf.resume(), 'close');
  });
  expect(patient.destroyed).toBe(false);
});

const guarded = (listener: RequestListener) => guardedBy(listener, limits['http-connections-near'].most);

async function guardedBy(listener: RequestListener, near: number): Promise<{ server: Server; port: number }> {
  const server = createServer(REQUEST_LIMITS, listener);
  const connections = new Connections({ near, far: 1, perSource: 1 });
  connections.guard(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    connections.close();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

test('many tokens at once: token-lookups; one after the other: token-answers', async () => {
  let now = 0;
  const reviewer = { whoIs: async () => null, mayGet: async () => false };
  const gate = new Gate({ reviewer, now: () => now });
  const ask = (token: number) =>
    gate.refusal({
      address: '198.51.100.9',
      path: '/metrics',
      header: (name) => (name === 'authorization' ? `Bearer ${token}` : undefined),
    });
  const many = Array.from({ length: limits['token-lookups'].most + 1 }, (_, index) => index);
  const refusals = await bites('token-lookups', () => Promise.all(many.map(ask)));
  expect(refusals.filter((refusal) => refusal?.status === 429)).toHaveLength(1);
  await bites('token-answers', async () => {
    for (let token = 100; token < 101 + limits['token-answers'].most; token++) {
      now += 200;
      await ask(token);
    }
  });
});

test('past-questions: the others are refused', async () => {
  const ask = askProcess(() => ['/bin/sh', '-c', `cat > /dev/null; printf '{"ok": true, "value": []}'`]);
  const { most } = limits['past-questions'];
  const questions = await bites('past-questions', () =>
    Promise.allSettled(Array.from({ length: most + 2 }, () => ask('history', '/nowhere', {} as never))),
  );
  expect(questions.filter(({ status }) => status === 'rejected')).toHaveLength(2);
});

test('watch-line: a line without end', async () => {
  const piece = Buffer.alloc(1 << 20, 'a');
  async function* endless(): AsyncGenerator<Buffer> {
    for (let index = 0; index < 20; index++) yield piece;
  }
  await bites('watch-line', async () => {
    await expect(async () => {
      for await (const _ of linesOf(endless()));
    }).rejects.toThrow('longer than');
  });
});

test('history-changes: more changes than are kept one by one', async () => {
  const recorder = new Recorder({ facts: { of: () => new Map() }, node: {} as never }, () => ({
    at: 0,
    steady: 0,
  }));
  recorder.converging();
  recorder.converged();
  const changes = Array.from(
    { length: limits['history-changes'].most + 1 },
    (_, index): FactChange => ({ kind: 'Namespace', key: `n${index}`, fact: null }),
  );
  await bites('history-changes', () => recorder.delivered(changes));
  expect(recorder.isKnown).toBe(false);
});

test('events-waiting: further Events are dropped', async () => {
  const queue = new EventQueue(0);
  const facts = Array.from({ length: limits['events-waiting'].most + 3 }, (_, index) => ({
    reason: 'NatApplied' as const,
    object: { kind: 'Pod' as const, namespace: 'shop', name: `p${index}` },
    note: 'served',
  }));
  await bites('events-waiting', () => queue.observe(facts));
  expect([queue.size, queue.dropped]).toEqual([limits['events-waiting'].most, 3]);
});

test('attribution-waiting: a disk that is too slow', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'knat-limits-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const store = await FileStore.open(join(folder, 'log'), 64 << 20);
  const half = `${'x'.repeat(limits['attribution-waiting'].most / 2)}\n`;
  await bites('attribution-waiting', () => {
    for (let times = 0; times < 4; times++) store.append(half);
  });
  expect(store.takeTrouble()).toBe('the disk was too slow');
  await store.close();
});

describe('processes', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  test('what-if-processes, what-if-time: one at a time, and not for ever', async () => {
    const agent = { host: () => ({}), settings: {}, planner: { facts: { of: () => new Map() } } };
    const script = '--eval=setInterval(() => {}, 1000)';
    const runs = new WhatIfRuns(agent as unknown as AgentFacts, { script, podNat: defaultPodNatOptions });
    const question = Buffer.from('{}');
    const { signal } = new AbortController();
    const first = expect(runs.run('classes', question, signal)).rejects.toThrow('took more than');
    await bites('what-if-processes', async () => {
      await expect(runs.run('classes', question, signal)).rejects.toMatchObject({
        code: 'KNAT_WHAT_IF_BUSY',
      });
    });
    await bites('what-if-time', () => vi.advanceTimersByTime(limits['what-if-time'].most));
    await first;
  });

  test('past-time: the process is ended', async () => {
    const ask = askProcess(() => ['/bin/sh', '-c', 'exec sleep 300']);
    await bites('past-time', async () => {
      const asked = expect(ask('history', '/nowhere', {} as never)).rejects.toMatchObject({
        code: 'KNAT_HISTORY_LIMIT',
      });
      await vi.waitUntil(() => vi.getTimerCount() > 0);
      vi.advanceTimersByTime(limits['past-time'].most);
      await asked;
    });
  });
});

test('posted-bodies-bytes: a long question waits for no other one, and a short one for none', async () => {
  const posted = createApi();
  answerPosted(posted, routes.whatIf, async () => ({ pieces: (async function* () {})(), end: () => {} }));
  const post = async (body: string | ReadableStream<Uint8Array>) => {
    const headers = { 'content-type': 'application/json' };
    const { path } = routes.whatIf;
    return (await posted.request(path, { method: 'POST', headers, body, duplex: 'half' } as RequestInit))
      .status;
  };
  let stop = () => {};
  const slow = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(new Uint8Array(limits['posted-bodies-bytes'].most - 10));
      stop = () => controller.close();
    },
  });
  const unfinished = post(slow);
  await new Promise((resolve) => setImmediate(resolve));
  expect(await bites('posted-bodies-bytes', () => post(' '.repeat(1 << 20)))).toBe(503);
  expect(await post(' '.repeat(1 << 16))).toBe(200);
  stop();
  expect(await unfinished).toBe(200);
  expect(await post(' '.repeat(1 << 20))).toBe(200);
});

test('question-bytes, posted-question-bytes: larger questions are refused', async () => {
  const post = async (
    api: { request(path: string, init: RequestInit): Response | Promise<Response> },
    path: string,
    size: number,
  ) =>
    (
      await api.request(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: ' '.repeat(size),
      })
    ).status;
  const posted = createApi();
  answerPosted(posted, routes.whatIf, async (question) => {
    expect(question.length).toBeGreaterThan(0);
    return { pieces: (async function* () {})(), end: () => {} };
  });
  const { most } = limits['posted-question-bytes'];
  expect(await bites('posted-question-bytes', () => post(posted, routes.whatIf.path, most + 1))).toBe(413);
  expect(await bites('question-bytes', () => postToSocket(limits['question-bytes'].most + 1))).toBe(413);
});

/** The status of the answer to a list of packets of this size. */
async function postToSocket(size: number): Promise<number> {
  const server = createServer(agentAnswers(createApi(), {} as never));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const { status } = await fetch(`http://127.0.0.1:${port}${API_PATH}/explain`, {
    method: 'POST',
    body: ' '.repeat(size),
  });
  return status;
}

describe('answers for several clients at one time', () => {
  const memory = { judge: () => ({}), names: () => ({}) } as unknown as FlowMemory;
  const surroundings = { now: () => 0, wallClock: () => new Date(0), sleep: async () => {} };
  const lists = () => new FlowLists({ surroundings } as unknown as AgentFacts, memory);

  test.each(['flow-lists', 'flow-watchers'] as const)(
    '%s: one more is refused, until one is over',
    async (name) => {
      const flows = lists();
      const ask = (signal: AbortSignal) =>
        name === 'flow-lists' ? flows.list({}, signal) : flows.watch({}, signal);
      const first = new AbortController();
      ask(first.signal);
      for (let count = 1; count < limits[name].most; count++) ask(new AbortController().signal);
      await bites(name, () => expect(() => ask(first.signal)).toThrow('ask again shortly'));
      first.abort();
      ask(new AbortController().signal);
      expect(() => ask(new AbortController().signal)).toThrow('ask again shortly');
    },
  );

  test('flow-rates: measurements at one time', async () => {
    const flows = lists();
    const asked = Array.from({ length: limits['flow-rates'].most }, () => flows.rates(1).catch(() => {}));
    await bites('flow-rates', () =>
      expect(flows.rates(1)).rejects.toMatchObject({ code: 'KNAT_AGENT_BUSY' }),
    );
    await Promise.all(asked);
  });

  test('explain-lists: questions that arrive slowly', async () => {
    const { port } = await guardedBy(agentAnswers(createApi(), { reading: () => null } as never), 1_000);
    const half = `POST ${API_PATH}/explain HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n[`;
    const slow = Array.from({ length: limits['explain-lists'].most }, () =>
      connect(port, '127.0.0.1', function (this: Socket) {
        this.write(half);
      }),
    );
    onTestFinished(() => {
      for (const socket of slow) socket.destroy();
    });
    const ask = async () =>
      (await fetch(`http://127.0.0.1:${port}${API_PATH}/explain`, { method: 'POST', body: '{' })).status;
    await bites('explain-lists', () => vi.waitUntil(async () => (await ask()) === 503, { timeout: 10_000 }));
    for (const socket of slow.splice(0)) socket.destroy();
    await vi.waitUntil(async () => (await ask()) !== 503, { timeout: 10_000 });
  });
});

test('rated-flows: a part of the connections is measured, and stands for all', async () => {
  const meter = new RateMeter();
  const { most } = limits['rated-flows'];
  // Ids as the kernel makes them: a hash.
  const flow = (index: number, packets: number) =>
    ({ id: Math.imul(index, 0x9e3779b1) >>> 0, counted: true, packets, bytes: 0 }) as FlowView;
  await bites('rated-flows', () => {
    for (let index = 0; index < 2 * most; index++) meter.first(flow(index, 1));
  });
  const judged = { destination: { kind: 'service', object: null }, source: null } as never;
  for (let index = 0; index < 2 * most; index++) meter.second(flow(index, 2), judged);
  expect(meter.share).toBeLessThanOrEqual(1 / 2);
  const [rate] = meter.rates(1);
  expect((rate?.flows ?? 0) / (2 * most)).toBeCloseTo(1, 1);
  expect((rate?.packetsPerSecond ?? 0) / (2 * most)).toBeCloseTo(1, 1);
  expect(rate?.newFlowsPerSecond).toBe(0);
});

test('flow-events: a reader that does not come loses some, and is told', async () => {
  const lines = {
    length: 0,
    addEvent: () => (lines.length += 1_000),
    addLost: vi.fn(),
    take: () => new Uint8Array(),
  };
  const events = new WaitingEvents(lines as unknown as FlowLines);
  await bites('flow-events', () => {
    for (let count = 0; count < 2_000; count++) events.add('new', {} as FlowView, {} as never);
  });
  expect(lines.length).toBeLessThanOrEqual(limits['flow-events'].most + 1_000);
  events.take();
  expect(lines.addLost).toHaveBeenCalledTimes(1);
});
