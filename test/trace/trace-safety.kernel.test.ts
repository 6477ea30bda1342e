import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { timers } from '../../src/base/wake.ts';
import type { TraceLine } from '../../src/forms/trace.ts';
import { familyOf } from '../../src/net/address.ts';
import { TraceSession } from '../../src/trace/session.ts';
import { CLIENT, FlowsStage, NODE, natPool, PLACE, POD, PORT, pods, until } from '../flows/flows-stage.ts';
import { planOf } from '../generators/egress-given.ts';
import { listRuleset } from '../netns/namespace.ts';
import { RunningTrace } from './trace-stage.ts';

let stage: FlowsStage;

beforeAll(async () => {
  stage = await FlowsStage.build();
});
afterEach(async () => await stage.stop());
afterAll(() => stage.dispose());

const question = { from: POD, to: `${PLACE}:${PORT}`, proto: 'udp' };
const dial = async () =>
  await stage.flat.clients
    .probe()
    .dial({ from: POD, sourcePort: 0, to: PLACE, port: PORT, protocol: 'UDP', timeoutMs: 1000 });
const isOn = () => listRuleset().includes('knat_trace');

/** Sends so many UDP packets a second for two seconds. */
async function storm(perSecond: number): Promise<number> {
  const script = `
    const socket = require('node:dgram').createSocket('udp4');
    const [address, source, port, rate] = process.argv.slice(1);
    socket.on('error', () => {});
    socket.bind(0, source, () => {
      const start = Date.now();
      let sent = 0;
      const more = () => {
        const due = Math.min(2 * rate, (Date.now() - start) * rate / 1000);
        for (; sent < due; sent++) socket.send('x', port, address);
        if (sent < 2 * rate) setTimeout(more, 5);
        else socket.close(() => console.log(sent));
      };
      more();
    });`;
  const words = [process.execPath, '-e', script, PLACE, POD, String(PORT), String(perSecond)];
  return Number(await stage.flat.clients.run(words));
}

test('one at a time: a second client is told who has it; a reader that leaves ends it at once', async () => {
  await stage.start([...pods, natPool]);
  const first = await RunningTrace.begin(question);
  expect(isOn()).toBe(true);
  await expect(RunningTrace.begin({ from: CLIENT, to: `${NODE}:9` })).rejects.toMatchObject({
    code: 'KNAT_TRACE_RUNNING',
    details: [
      expect.stringMatching(`^it is that of ${POD} → ${PLACE}:${PORT}; it ends in \\d+ s at the latest$`),
    ],
  });
  await first.leave();
  await until(async () => !isOn());
  const second = await RunningTrace.begin({ ...question, count: '1' });
  await dial();
  await second.ended;
  expect(second.packets).toHaveLength(1);
  expect(isOn()).toBe(false);
});

test.each([
  [{ ...question, count: '0' }, 'count: "0" is no number from 1 to 100'],
  [{ ...question, seconds: '3600' }, 'seconds: "3600" is no number from 1 to 600'],
  [{ from: POD, to: 'svc/shop/none' }, 'there is no Service shop/none'],
])('a question that cannot be answered turns nothing on: %j', async (asked, message) => {
  await stage.start([...pods, natPool]);
  await expect(RunningTrace.begin(asked)).rejects.toMatchObject({
    code: 'KNAT_INVALID_INPUT',
    message: expect.stringContaining(message),
  });
  expect(isOn()).toBe(false);
});

test('10,000 packets a second: some are told, the others are counted', async () => {
  await stage.start([...pods, natPool]);
  const trace = await RunningTrace.begin({ ...question, count: '100', seconds: '4' });
  const before = process.cpuUsage();
  const sent = await storm(10_000);
  const used = process.cpuUsage(before);
  await trace.ended;
  expect(sent).toBe(20_000);
  const end = trace.lines.at(-1);
  expect(end).toMatchObject({ event: 'end', because: 'time', lost: false });
  if (end?.event !== 'end') throw new Error('no end');
  // 20 at once, and 20 a second.
  expect(end.packets).toBeGreaterThanOrEqual(20);
  expect(end.packets).toBeLessThanOrEqual(100);
  // Some are lost on the way to a busy node.
  expect(end.packets + end.more).toBeGreaterThan(sent / 4);
  expect(end.packets + end.more).toBeLessThanOrEqual(sent);
  expect(trace.packets.every(({ outcome }) => outcome.kind === 'left')).toBe(true);
  // Of 20,000 packets: the work is that of the few that are traced.
  expect((used.user + used.system) / 1e6).toBeLessThan(2);
});

test('notifications that are lost are told, and the packets are marked', async () => {
  await stage.start([...pods, natPool]);
  const now = () => performance.now();
  const around = { now, wallClock: () => new Date(), ...timers, receiveBuffer: 2048 };
  const traced = {
    ...{ family: familyOf(POD), source: POD, destination: PLACE, protocol: 17 },
    ...{ sourcePort: null, port: PORT, icmpType: null, replies: false },
  };
  const facts = {
    plan: planOf({}),
    node: () => ({ nodeName: 'n', localAddresses: [], listeners: [] }),
    journey: async () => null,
  };
  const asked = { traced, packet: null, count: 50, seconds: 3, dropped: false };
  const session = new TraceSession(asked, facts, around);
  const script = `for i in 1 2 3 4 5 6 7 8; do echo x > /dev/udp/${PLACE}/${PORT}; done`;
  // This process does not read meanwhile.
  execFileSync('ip', ['netns', 'exec', stage.flat.clients.namespace, 'bash', '-c', script]);
  const lines: TraceLine[] = [];
  for await (const line of session.lines(new AbortController().signal)) lines.push(line);
  expect(lines.map(({ event }) => event)).toContain('lost');
  expect(lines.at(-1)).toMatchObject({ event: 'end', lost: true });
  const packets = lines.flatMap((line) => (line.event === 'packet' ? [line.packet] : []));
  expect(packets.length).toBeGreaterThan(0);
  expect(packets.every(({ incomplete }) => incomplete)).toBe(true);
  expect(isOn()).toBe(false);
});

test('somebody flushes the ruleset: the trace is not theirs to remove, and our rules come back', async () => {
  await stage.start([...pods, natPool]);
  const trace = await RunningTrace.begin({ ...question, count: '1' });
  const revision = (await stage.status()).programmed?.at;
  execFileSync('nft', ['flush', 'ruleset']);
  expect(isOn()).toBe(true);
  await until(async () => (await stage.status()).programmed?.at !== revision);
  expect(() => execFileSync('nft', ['delete', 'table', 'ip', 'knat_trace'], { stdio: 'pipe' })).toThrow();
  await dial();
  await trace.ended;
  expect(trace.packets).toHaveLength(1);
});

test('a trace is no foreign change: the agent reads nothing again', async () => {
  await stage.start([...pods, natPool]);
  const before = (await stage.status()).programmed;
  const trace = await RunningTrace.begin({ ...question, count: '1' });
  await dial();
  await trace.ended;
  expect((await stage.status()).programmed).toEqual(before);
});

test('the agent ends: the reader is told nothing more, and nothing stays', async () => {
  await stage.start([...pods, natPool]);
  const trace = await RunningTrace.begin(question);
  await stage.stop();
  await trace.ended.catch(() => {});
  expect(trace.lines.some(({ event }) => event === 'end')).toBe(false);
  await until(async () => !isOn());
  await stage.startAgain([...pods, natPool]);
  const again = await RunningTrace.begin({ ...question, count: '1' });
  await dial();
  await again.ended;
  expect(again.packets).toHaveLength(1);
});
