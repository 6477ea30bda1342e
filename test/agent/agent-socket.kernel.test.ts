/** The agent's socket among hostile users: whom it admits, whom the client trusts, which resources they can use up. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { knat } from '../cli/knat.ts';
import { nodeFixture } from '../cli/node-fixture.ts';
import { listRuleset, nft } from '../netns/namespace.ts';

const node = nodeFixture();
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all'];

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

/** Runs a script and returns its first line of output; the script is ended after the test. */
async function run(script: string, through: readonly string[] = []): Promise<string> {
  const [program = '', ...words] = [...through, process.execPath, '-e', script];
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return line.trim();
}

const SQUAT = `
require('node:http').createServer((request, response) => response.end('{"node":"SQUATTED"}'))
  .listen('\\0knat.agent', () => console.log('listening'));
`;

const memoryMib = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
const descriptors = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

test('an agent starts although another user holds its name, and commands do not trust that user', async () => {
  await run(SQUAT, NOBODY);
  const without = await knat(['status']);
  expect(without.status).toBe(4);
  expect(`${without.output}${without.errors}`).not.toContain('SQUATTED');
  expect(without.errors).toContain('@knat.agent is held by user 65534');

  const agent = await node.startAgent();
  const status = await knat(['status']);
  expect(status.status, status.errors).toBe(0);
  expect(status.output).toContain(`process ${agent.process.pid}`);
  expect(status.output).toContain('KNAT_AGENT_SOCKET');
  expect((await knat(['entries', '-o', 'json'])).output).toContain('10.96.0.10');
  expect((await knat(['flows'])).status).toBe(0);
  expect((await knat(['cleanup'])).errors).toContain(`kill ${agent.process.pid}`);
  const second = await knat(['agent', ...node.source, '--once']);
  expect(second.status, second.errors).toBe(4);
});

test('an agent of a version whose only lock is the name keeps others from starting', async () => {
  await run(SQUAT);
  const refused = await knat(['agent', ...node.source, '--once']);
  expect(refused.status).toBe(4);
  expect(refused.errors).toContain('KNAT_AGENT_RUNNING');
  expect(listRuleset()).toBe('');
});

test('a user who is neither root nor that of the agent gets a refusal and nothing else', async () => {
  await node.startAgent();
  for (const command of [['status'], ['entries'], ['flows']]) {
    const { status, output, errors } = await knat(command, { through: NOBODY });
    expect(status, errors).toBe(3);
    expect(errors).toContain('KNAT_AGENT_DENIED');
    expect(output).toBe('');
  }
  expect((await knat(['status'])).status).toBe(0);
});

test('large requests: those of other users are not read at all, those of root up to a bound', async () => {
  const agent = await node.startAgent();
  const { pid = 0 } = agent.process;
  const before = memoryMib(pid);
  const post = `
const { request } = require('node:http');
const call = request({ socketPath: '\\0knat.agent', path: '/api/v1/explain', method: 'POST' }, (answer) => {
  console.log(answer.statusCode);
  answer.resume();
});
call.on('error', (error) => console.log(error.code));
const piece = Buffer.alloc(1 << 20, 0x20);
let left = 300;
const more = () => {
  while (left-- > 0) if (!call.write(piece)) return call.once('drain', more);
  call.end();
};
more();
`;
  // The answer may come before the connection breaks, or be lost with it.
  expect(await run(post, NOBODY)).toMatch(/^(?=.)(403\s?)?(EPIPE|ECONNRESET)?$/);
  expect(await run(post)).toMatch(/^(?=.)(413\s?)?(EPIPE|ECONNRESET)?$/);
  expect(memoryMib(pid) - before).toBeLessThan(150);
  expect((await knat(['status'])).status).toBe(0);
});

test('thousands of connections of another user take few descriptors, and root gets answers', async () => {
  const agent = await node.startAgent();
  const { pid = 0 } = agent.process;
  const before = descriptors(pid);
  const opened = await run(
    `
const { connect } = require('node:net');
const open = () => {
  const socket = connect('\\0knat.agent', () => socket.write('GET /'));
  socket.on('error', () => {});
  socket.on('close', () => setTimeout(open, 20));
};
for (let index = 0; index < 1000; index++) open();
setTimeout(() => console.log('opened'), 1000);
`,
    NOBODY,
  );
  expect(opened).toBe('opened');
  expect(descriptors(pid) - before).toBeLessThan(40);
  for (let index = 0; index < 5; index++) expect((await knat(['status'])).status).toBe(0);
});

test('without a free descriptor the agent keeps running, and repairs foreign changes when there are some again', async () => {
  const agent = await node.startAgent();
  const { pid = 0 } = agent.process;
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${descriptors(pid)}:`]);
  nft('delete table ip knat');
  // On every kind of socket, clients whose connections the agent cannot accept.
  await run(`
const { connect } = require('node:net');
for (const where of [{ path: '\\0knat.agent' }, { port: 8484 }, { port: 10256 }, { port: 10249 }]) {
  for (let index = 0; index < 20; index++) connect(where).on('error', () => {});
}
setTimeout(() => console.log('tried'), 1500);
`);
  expect(agent.process.exitCode).toBeNull();
  execFileSync('prlimit', ['--pid', String(pid), '--nofile=4096:']);
  const end = performance.now() + 30_000;
  while (!listRuleset().includes('10.96.0.10 . tcp . 80')) {
    expect(performance.now()).toBeLessThan(end);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(agent.process.exitCode).toBeNull();
  expect((await knat(['status'])).status).toBe(0);
});
