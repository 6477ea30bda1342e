import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { FlowDeleter } from '../../src/flows/delete.ts';
import type { WhoAnswer } from '../../src/forms/flows.ts';
import { askAgent } from '../../src/observe/client.ts';
import { FlowsStage, natPool, OTHER_POD, PLACE, POD, PORT, pods, until } from './flows-stage.ts';

let stage: FlowsStage;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'knat-attribution-'));
  stage = await FlowsStage.build();
});
afterEach(async () => await stage.stop());
afterAll(() => {
  stage.dispose();
  rmSync(folder, { recursive: true });
});

/** Dials, and returns the address and port that the place saw. */
async function outside(from: string, sourcePort: number): Promise<string> {
  const outcome = await stage.flat.clients
    .probe()
    .dial({ from, sourcePort, to: PLACE, port: PORT, protocol: 'UDP', timeoutMs: 3000 });
  if (outcome.outcome !== 'answered') throw new Error(outcome.outcome);
  return outcome.sawSource;
}

async function who(address: string, at = new Date()): Promise<WhoAnswer> {
  return await askAgent('/flows/who', { address, at: at.toISOString() });
}

async function endAll(): Promise<void> {
  const deleter = new FlowDeleter();
  for (const flow of (await stage.list()).flows) deleter.delete(flow);
  deleter.close();
}

test('without a log the error says how to get one', async () => {
  await stage.start([...pods, natPool]);
  await expect(who('192.0.2.10:1')).rejects.toThrow('--attribution-log');
});

test('in memory: the pod, and from when until when it had the address and port', async () => {
  await stage.start([...pods, natPool], { attribution: { file: null, limit: 1 << 20 } });
  const before = new Date();
  const address = await outside(POD, 41_000);
  await until(async () => (await who(address)).flows.length === 1);
  const during = new Date();
  expect((await who(address)).flows[0]).toMatchObject({
    protocol: 'UDP',
    source: `${POD}:41000`,
    destination: `${PLACE}:${PORT}`,
    name: 'Pod shop/web-0',
    until: null,
    certain: true,
  });
  await endAll();
  await until(async () => (await who(address)).flows.length === 0);
  expect((await who(address, during)).flows).toMatchObject([{ name: 'Pod shop/web-0', certain: true }]);
  expect((await who(address, new Date(before.getTime() - 5))).flows).toEqual([]);
});

test('in a file: over a restart, with a note about the gap', async () => {
  const file = join(folder, 'log');
  const attribution = { file, limit: 1 << 20 };
  await stage.start([...pods, natPool], { attribution });
  const ended = await outside(POD, 41_010);
  await until(async () => (await who(ended)).flows.length === 1);
  const early = new Date();
  await stage.stop();
  await new Promise((resolve) => setTimeout(resolve, 300)); // the last lines are written beside the end
  const meanwhile = new Date();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await stage.start([...pods, natPool], { attribution });
  const later = await outside(OTHER_POD, 41_011);
  await until(async () => (await who(later)).flows.length === 1);
  expect((await who(later)).flows[0]?.name).toBe('Pod shop/web-1');
  expect(await who(ended, early)).toMatchObject({
    flows: [{ name: 'Pod shop/web-0', certain: true }],
    gap: null,
  });
  // The new stage has no connections: this one ended while no agent ran.
  const between = await who(ended, meanwhile);
  expect(between).toMatchObject({
    flows: [{ name: 'Pod shop/web-0', certain: false, until: null }],
    gap: 'the agent was not there',
  });
  expect((await who(ended)).flows).toEqual([]);
  expect(statSync(file).mode & 0o077).toBe(0);
});

test('a log that cannot be written is a problem, and nothing else', async () => {
  await stage.start([...pods, natPool], { attribution: { file: join(folder, 'no', 'log'), limit: 1 << 20 } });
  await until(async () =>
    (await stage.status()).problems.some(({ code }) => code === 'KNAT_ATTRIBUTION_LOG'),
  );
  expect(await outside(POD, 41_020)).toContain('192.0.2.10:');
});
