/**
 * The faults of podnat-controller that have to do with the host around it (README.md here has the list): a whole agent
 * in the node, firewalls, listeners and addresses that come and go, and real packets.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runAgent } from '../../src/agent/agent-run.ts';
import { cleanUpKernel } from '../../src/agent/kernel-commands.ts';
import { previewAgent } from '../../src/agent/preview.ts';
import type { FactChange } from '../../src/model/facts.ts';
import { askAgent } from '../../src/observe/client.ts';
import { defaultPlanOptions, defaultPodNatPolicy } from '../../src/plan/options.ts';
import type { Source, SourceSink } from '../../src/sources/source.ts';
import { natEntry, nodeObject, present } from '../generators/build.ts';
import { listRuleset } from '../netns/namespace.ts';
import type { Stage } from '../netns/stage.ts';
import {
  address,
  answererOf,
  buildStage,
  SIGNAL,
  setUpStage,
  smtp,
  sourceSeen,
  there,
} from './pod-nat-scene.ts';

const A = '10.244.1.5:25';
const podA = smtp({ ips: [address.podA, address.podA6] }, [natEntry()]);

/** A source with the objects of the test. */
class GivenSource implements Source {
  readonly name = 'test';
  readonly #first: readonly FactChange[];
  #sink: SourceSink | null = null;

  constructor(first: readonly FactChange[]) {
    this.#first = first;
  }

  async run(sink: SourceSink, signal: AbortSignal): Promise<void> {
    this.#sink = sink;
    sink.apply([present('Node', nodeObject('node-a', [])), ...this.#first]);
    sink.synced();
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }

  say(...changes: readonly FactChange[]): void {
    this.#sink?.apply(changes);
  }
}

let stage: Stage;
let agent: { source: GivenSource; stop: AbortController; running: Promise<unknown> } | null = null;
const servers: Server[] = [];

beforeAll(async () => {
  stage = await buildStage();
});
afterAll(() => stage.dispose());
afterEach(async () => {
  await stop();
  for (const server of servers.splice(0)) server.close();
  await cleanUpKernel(SIGNAL);
});

const settings = (source: Source) => ({
  nodeName: 'node-a',
  nodeConfig: {},
  plan: { ...defaultPlanOptions, podNatPolicy: { ...defaultPodNatPolicy, takeover: true } },
  source,
});

/** Starts an agent and waits until it has programmed something. */
async function start(rest: { readonly manageForward?: boolean } = {}): Promise<void> {
  const source = new GivenSource([there(podA)]);
  const control = new AbortController();
  const run = { settings: settings(source), logger: pino({ level: 'silent' }), version: 'test', once: false };
  agent = { source, stop: control, running: runAgent({ ...run, ...rest }, control.signal) };
  const isProgrammed = async () => {
    const status = await askAgent('/status').catch(() => null);
    return status?.programmed != null;
  };
  expect(await becomes(isProgrammed, true)).toBe(true);
}

async function stop(): Promise<void> {
  agent?.stop.abort();
  await agent?.running;
  agent = null;
}

/** The answer becomes this; what it was last otherwise. */
async function becomes<T>(ask: () => Promise<T>, wanted: T, limitMs = 8_000): Promise<T> {
  const start = performance.now();
  for (;;) {
    const now = await ask();
    if (JSON.stringify(now) === JSON.stringify(wanted) || performance.now() - start > limitMs) return now;
    await sleep(50);
  }
}

const fromClient = () => answererOf(stage, 'client', 'public');
const fromClient6 = () => answererOf(stage, 'client6', 'public6');
const reasons = async (): Promise<string[]> =>
  (await askAgent('/status')).notices.map(({ reason }) => reason);

describe.each(['iptables-nft', 'iptables-legacy'])('behind a FORWARD chain of %s that drops', (program) => {
  const six = program.replace('iptables', 'ip6tables');
  const both = (...words: string[]) => {
    for (const name of [program, six]) execFileSync(name, words);
  };
  const rules = () =>
    [program, six].map((name) => execFileSync(name, ['-S', 'FORWARD'], { encoding: 'utf8' })).join('');
  const works = () => {
    try {
      both('-S', 'FORWARD');
      return true;
    } catch {
      return false;
    }
  };

  afterEach(() => {
    if (!works()) return;
    both('-P', 'FORWARD', 'ACCEPT');
    both('-F');
    both('-X');
  });

  test('FORWARD DROP blocks', async ({ skip }) => {
    skip(!works(), `${program} does not work with this kernel`);
    both('-P', 'FORWARD', 'DROP');
    await start();
    expect(await becomes(fromClient, A)).toBe(A);
    expect(await becomes(fromClient6, '[fd00:244::5]:25')).toBe('[fd00:244::5]:25');
    expect(await reasons()).toEqual([]);
    // The host's firewall starts again.
    both('-F', 'FORWARD');
    expect(await becomes(fromClient, A, 20_000)).toBe(A);
    expect(await becomes(fromClient6, '[fd00:244::5]:25', 20_000)).toBe('[fd00:244::5]:25');
  });

  test('FORWARD accepts traffic that was not translated', async ({ skip }) => {
    skip(!works(), `${program} does not work with this kernel`);
    both('-P', 'FORWARD', 'DROP');
    await start();
    expect(await becomes(fromClient, A)).toBe(A);
    expect(await answererOf(stage, 'client', 'podA')).toBe('nobody');
    expect(await answererOf(stage, 'podA', 'podB')).toBe('nobody');
  });

  test('without --manage-forward the chain stays and is reported', async ({ skip }) => {
    skip(!works(), `${program} does not work with this kernel`);
    both('-P', 'FORWARD', 'DROP');
    const before = rules();
    await start({ manageForward: false });
    const blocked = ['NatBlockedByFirewall', 'NatBlockedByFirewall'];
    expect(await becomes(reasons, blocked)).toEqual(blocked);
    expect(await fromClient()).toBe('nobody');
    expect(rules()).toBe(before);
    both('-P', 'FORWARD', 'ACCEPT');
    expect(await becomes(reasons, [], 20_000)).toEqual([]);
    expect(await fromClient()).toBe(A);
  });

  test('nothing cleans up at uninstall', async ({ skip }) => {
    skip(!works(), `${program} does not work with this kernel`);
    both('-P', 'FORWARD', 'DROP');
    const before = rules();
    await start();
    expect(await becomes(fromClient, A)).toBe(A);
    expect(await becomes(fromClient6, '[fd00:244::5]:25')).toBe('[fd00:244::5]:25');
    expect(rules()).not.toBe(before);
    await stop();
    expect(await fromClient()).toBe(A);
    const { tables, rules: closed } = await cleanUpKernel(SIGNAL);
    expect(tables).toEqual(['ip knat', 'ip6 knat']);
    expect([...closed].sort()).toEqual([six, program].map((name) => `chain FORWARD of ${name}`));
    expect(rules()).toBe(before);
    expect(await sourceSeen(stage, 'second', 'outside')).toBe(address.second);
  });
});

describe('a listening socket of the host', () => {
  /** Listens in the node, where this process is. */
  async function listen(host: string): Promise<() => void> {
    const server = createServer((socket) =>
      socket.end(`${JSON.stringify({ served: 'the host', sawSource: '' })}\n`),
    );
    servers.push(server);
    await once(server.listen({ host, port: 25 }), 'listening');
    return () => server.close();
  }

  test.each([
    ['0.0.0.0', 'the host', '[fd00:244::5]:25'],
    ['::', 'the host', 'the host'],
    ['203.0.113.7', 'the host', '[fd00:244::5]:25'],
    ['192.0.2.10', A, '[fd00:244::5]:25'],
  ])('on %s is shadowed', async (host, v4, v6) => {
    const end = await listen(host);
    await start();
    expect(await becomes(fromClient6, v6)).toBe(v6);
    expect(await becomes(fromClient, v4)).toBe(v4);
    expect(await reasons()).toEqual([v4, v6].filter((by) => by === 'the host').map(() => 'NatHostPortInUse'));
    end();
    expect(await becomes(fromClient, A)).toBe(A);
    expect(await reasons().then((all) => all.length)).toBe(0);
  });

  test('that comes later is noticed, and one that the pod may take over from is not', async () => {
    await start();
    expect(await becomes(fromClient, A)).toBe(A);
    const end = await listen('0.0.0.0');
    expect(await becomes(fromClient, 'the host')).toBe('the host');
    agent?.source.say(there(smtp({}, [natEntry({ takeover: true })])));
    expect(await becomes(fromClient, A)).toBe(A);
    end();
  });
});

test('a flush is never healed', async () => {
  await start();
  expect(await becomes(fromClient, A)).toBe(A);
  for (let round = 0; round < 3; round++) {
    execFileSync('nft', ['flush', 'ruleset']);
    expect(await becomes(fromClient, A)).toBe(A);
  }
});

test('a dry run writes', async () => {
  execFileSync('iptables-nft', ['-P', 'FORWARD', 'DROP']);
  const before = listRuleset();
  const preview = await previewAgent(settings(new GivenSource([there(podA)])), 'refuse', SIGNAL);
  expect(preview.changes.some(({ element }) => element.includes('bindings'))).toBe(true);
  expect(listRuleset()).toBe(before);
  execFileSync('nft', ['flush', 'ruleset']);
});

test('an address change is unseen', async () => {
  await start();
  expect(await becomes(fromClient, A)).toBe(A);
  // The second becomes the first.
  await setUpStage(stage, [address.second, address.public6]);
  const fromClientToSecond = () => answererOf(stage, 'client', 'second');
  expect(await becomes(fromClientToSecond, A)).toBe(A);
  expect(await becomes(() => sourceSeen(stage, 'podA', 'outside'), String(address.second))).toBe(
    address.second,
  );
  expect(await fromClient()).toBe('nobody');
  await setUpStage(stage);
  expect(await becomes(fromClient, A)).toBe(A);
});
