import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runAgent } from '../../src/agent/agent-run.ts';
import { TIMEOUT } from '../../src/cli/commands/command.ts';
import { commands } from '../../src/cli/commands/declarations.ts';
import { AGENT_SOCKET, findAgent } from '../../src/observe/agent-sockets.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import type { Source } from '../../src/sources/source.ts';
import { enterFreshNamespace } from '../netns/namespace.ts';
import { knat } from './knat.ts';

/** What commands say when an agent runs but cannot answer. */

const packet = ['--from', '10.0.0.1', '--to', '10.0.0.2:80'];
const demo = ['--source', 'dir:examples/demo', '--node', 'node1'];

/** Every way in which a command asks the agent for what needs a plan. */
const questions: readonly (readonly string[])[] = [
  ['explain', ...packet],
  ['explain', ...packet, '-o', 'json'],
  ['explain', '--flows', '-'],
  ['entries'],
  ['entries', '--kind', 'refused'],
  ['flows'],
  ['flows', '--watch'],
  ['flows', '--stale', '--flush'],
  ['flows', '--rates'],
  ['flows', '--ports'],
  ['flows', '--who', '10.0.0.1:1'],
  ['diff'],
];
/** Commands that ask for the status alone, which needs no plan. */
const ofStatus = ['status', 'doctor', 'cleanup'];

let end: () => Promise<void> | void = () => {};

beforeAll(() => enterFreshNamespace());
afterEach(async () => await end());

test('every command that asks the agent is in this test', () => {
  const asking = commands.filter(({ options }) => options.includes(TIMEOUT)).map(({ name }) => name);
  const tested = [...questions.map(([name]) => name), ...ofStatus, 'what-if'];
  expect(new Set(tested)).toEqual(new Set(asking));
});

describe('while the agent reads its source', () => {
  beforeAll(async () => {
    const stop = new AbortController();
    const source: Source = {
      name: 'test',
      run: async (_, signal) => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    };
    const settings = { nodeName: 'n1', nodeConfig: {}, plan: defaultPlanOptions, source };
    const logger = pino({ level: 'silent' });
    const running = runAgent({ settings, logger, version: 'test', once: false }, stop.signal).catch(() => {});
    for (let left = 400; left > 0; left--) {
      const { socket } = await findAgent();
      socket?.destroy();
      if (socket !== null) break;
      await sleep(25);
    }
    return async () => {
      stop.abort();
      await running;
    };
  });

  test.each(questions)('knat %s %s %s: its own code and exit status', async (...words) => {
    const { status, errors } = await knat(words, { input: '[]' });
    expect(errors).toMatch(/still reading its source \(\d+ s so far\)[^(]*\(KNAT_SOURCE_READING\)/);
    expect(status).toBe(5);
  });

  test('status, doctor and cleanup say it', async () => {
    expect((await knat(['status'])).output).toContain('not in sync yet');
    expect((await knat(['doctor'])).output).toContain('still reading its source');
    expect((await knat(['cleanup'])).errors).toContain('KNAT_AGENT_RUNNING');
  });
});

/** A server in the place of the agent. */
async function listening(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.listen(AGENT_SOCKET, resolve));
  end = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
}

const everything = [...questions, ['status'], ['doctor'], ['cleanup']];

test.each(everything)('knat %s %s %s: an agent that is silent', async (...words) => {
  await listening(createServer(() => {}));
  const { status, errors } = await knat([...words, '--timeout', '1'], { input: '[]' });
  expect(errors).toContain('did not answer within 1 s (KNAT_AGENT_SILENT)');
  expect(status).toBe(5);
});

test.each([...questions, ['status']])('knat %s %s %s: an agent that ends', async (...words) => {
  await listening(
    createServer((request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('[');
      setTimeout(() => request.socket.destroy(), 10);
    }),
  );
  const { status, errors } = await knat(words, { input: '[]' });
  expect(errors).toContain('KNAT_AGENT_ENDED');
  expect(status).toBe(4);
});

test('an agent that knows no such path, as one of an earlier version, refuses', async () => {
  await listening(createServer((_, response) => response.writeHead(404).end('404 Not Found')));
  const { status, errors } = await knat(['entries']);
  expect(errors).toContain('answered with status 404 (KNAT_HTTP_REFUSED)');
  expect(status).toBe(4);
});

test('a slow answer is waited for, with a line every ten seconds', async () => {
  const status = { state: { level: 'good', text: 'slow', why: '' } };
  await listening(
    createServer((_, response) => {
      setTimeout(() => response.end(JSON.stringify({ ...status, failure: null })), 11_500);
    }),
  );
  const { errors, output } = await knat(['status', '-o', 'json']);
  expect(errors).toBe('waiting for the answer of the agent (10 s so far)\n');
  expect(JSON.parse(output)).toMatchObject(status);
});

test('what-if --connections: the same', async () => {
  await listening(createServer(() => {}));
  const words = ['what-if', ...demo, '--delete', 'Service/shop/web', '--connections', '--timeout', '1'];
  const { status, errors } = await knat(words);
  expect({ status, errors }).toEqual({ status: 5, errors: expect.stringContaining('KNAT_AGENT_SILENT') });
});
