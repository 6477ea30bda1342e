import { createSocket } from 'node:dgram';
import { expect, test } from 'vitest';
import { knat, startKnat } from '../cli/knat.ts';
import { nodeFixture } from '../cli/node-fixture.ts';
import { until } from '../flows/flows-stage.ts';
import { listRuleset } from '../netns/namespace.ts';

const node = nodeFixture();
const isOn = () => listRuleset().includes('knat_trace');
const question = ['trace', '--from', '127.0.0.1', '--to', '127.0.0.1:9', '--proto', 'udp', '--count', '100'];

/** A packet of this node to itself. */
async function send(): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.send('x', 9, '127.0.0.1', () => socket.close(() => resolve())));
}

test('the agent is killed at any moment of a trace: nothing stays in the ruleset', async () => {
  for (const delay of [0, 1, 3, 10, 30, 100, 300]) {
    const agent = await node.startAgent();
    const trace = startKnat([...question, '--seconds', '60']);
    await until(async () => isOn());
    const sending = Array.from({ length: 20 }, send);
    await new Promise((resolve) => setTimeout(resolve, delay));
    agent.process.kill('SIGKILL');
    await agent.ended;
    // The kernel closes the sockets of a process before its parent hears that it is gone.
    expect(listRuleset(), `killed after ${delay} ms`).not.toContain('knat_trace');
    await Promise.all(sending);
    const { status, errors } = await trace.ended;
    expect(status, errors).not.toBe(0);
  }
  await node.startAgent();
  expect(isOn()).toBe(false);
});

test('the command is killed: the agent ends the trace at once', async () => {
  await node.startAgent();
  const trace = startKnat([...question, '--seconds', '60']);
  await until(async () => isOn());
  trace.process.kill('SIGKILL');
  await trace.ended;
  await until(async () => !isOn());
});

test('what the command prints', async () => {
  await node.startAgent();
  const trace = startKnat([...question, '--count', '1']);
  await until(async () => isOn());
  await send();
  const { status, output, errors } = await trace.ended;
  expect(status, errors).toBe(0);
  expect(output).toMatch(/^UDP 127\.0\.0\.1 → 127\.0\.0\.1:9 on node n1: the next packet, at most 30 s\n/);
  expect(output).toMatch(/\n1 {2}\d\d:\d\d:\d\d\.\d{3} {2}UDP 127\.0\.0\.1:\d+ → 127\.0\.0\.1:9\n/);
  expect(output).toMatch(/\nResult {7}127\.0\.0\.1:\d+ → 127\.0\.0\.1:9, unchanged; left by lo\n/);
  expect(output).not.toContain('DIFFERS');

  const asJson = startKnat([...question, '--count', '1', '-o', 'json']);
  await until(async () => isOn());
  await send();
  const lines = (await asJson.ended).output.trim().split('\n');
  expect(lines.map((line) => JSON.parse(line).event)).toEqual(['started', 'packet', 'end']);
});

test('without an agent, and with two', async () => {
  const { status, errors } = await knat(question);
  expect(status).toBe(4);
  expect(errors).toContain('KNAT_AGENT_NOT_RUNNING');
  await node.startAgent();
  const first = startKnat([...question, '--seconds', '60']);
  await until(async () => isOn());
  const second = await knat(question);
  expect(second.status).toBe(4);
  expect(second.errors).toContain('KNAT_TRACE_RUNNING');
  expect(second.errors).toContain('it is that of 127.0.0.1 → 127.0.0.1:9; it ends in');
  first.process.kill('SIGINT');
  await first.ended;
});
