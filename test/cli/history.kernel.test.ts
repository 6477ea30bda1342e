import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { HistoryEntry, JournalAnswer } from '../../src/forms/journal.ts';
import type { WalkJson } from '../../src/forms/walk.ts';
import { FolderLock } from '../../src/journal/folder-lock.ts';
import { tryLock } from '../../src/wire/file-lock.ts';
import { nft } from '../netns/namespace.ts';
import { knat } from './knat.ts';
import { serviceManifest } from './manifests.ts';
import { nodeFixture } from './node-fixture.ts';

const node = nodeFixture();
const PACKET = ['--from', '10.244.1.5', '--to', '10.96.0.10:80'];
const NOWHERE = ['--http-address=', '--metrics-address=', '--health-address='];

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-history-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

async function json<Answer>(...args: string[]): Promise<Answer> {
  const { status, output, errors } = await knat([...args, '-o', 'json']);
  expect(status, errors).toBe(0);
  return JSON.parse(output) as Answer;
}

async function history(...args: string[]): Promise<readonly HistoryEntry[]> {
  return (await json<JournalAnswer>('history', ...args)).items;
}

/** Waits at most 30 seconds for an entry. */
async function entry(about: string, isIt: (entry: HistoryEntry) => boolean): Promise<HistoryEntry> {
  for (let i = 0; i < 150; i++) {
    const found = (await history()).findLast(isIt);
    if (found !== undefined) return found;
    await sleep(200);
  }
  throw new Error(`no entry: ${about}`);
}

test('explain --at says what explain said then, after kill -9 and a restart too', async () => {
  const agent = await node.startAgent(['--history-dir', folder, ...NOWHERE]);
  const said = await json<WalkJson>('explain', ...PACKET);
  expect(said.verdict).toBe('dnat');
  const start = await entry('the start', ({ event }) => event?.kind === 'started');

  writeFileSync(join(node.folder, 'web.yaml'), serviceManifest('web', '10.96.0.11'));
  const change = await entry('the new address', ({ changes }) => changes.length > 0);
  expect(change.changes).toMatchObject([{ object: 'Service shop/web', what: 'changed' }]);
  expect(change.effects.map(({ key, what }) => `${key} ${what}`)).toContain('10.96.0.11:80/TCP appeared');
  const moved = await json<WalkJson>('explain', ...PACKET);
  expect(moved.verdict).toBe('none');

  agent.process.kill('SIGKILL');
  await agent.ended;
  const past = async (at: string, ...more: string[]) => {
    const { at: instant, ...walk } = await json<WalkJson>('explain', ...PACKET, '--at', at, ...more);
    return { position: instant?.position, verdict: walk.verdict, steps: walk.steps, paths: walk.paths };
  };
  const before = { position: start.position, verdict: said.verdict, steps: said.steps, paths: said.paths };
  const after = { position: change.position, verdict: moved.verdict, steps: moved.steps, paths: moved.paths };
  expect(await past(start.at, '--history-dir', folder)).toEqual(before);
  expect(await past(change.at, '--history-dir', folder)).toEqual(after);
  expect(await past('0s', '--history-dir', folder)).toEqual(after);

  await node.startAgent(['--history-dir', folder, ...NOWHERE]);
  expect(await past(start.at)).toEqual(before);
  expect(await past(start.position)).toEqual(before);
  expect(await past(change.at)).toEqual(after);
  const text = await knat(['explain', ...PACKET, '--at', start.at]);
  expect(text.output).toContain(`(position ${start.position})`);
  expect(text.output).toContain('ClusterIP 10.96.0.10:80/TCP');
  const who = await knat(['flows', '--who', '10.96.0.10:80', '--at', start.position]);
  expect(who.output, who.errors).toContain('Service shop/web');
  const none = await knat(['flows', '--who', '10.96.0.10:80', '--at', '0s']);
  expect(none.output, none.errors).toContain('no object could use 10.96.0.10:80');
  const early = await knat(['explain', ...PACKET, '--at', '2020-01-01']);
  expect(early.status).toBe(2);
  expect(early.errors).toContain('the journal begins at');
});

test('drift and its repair are in the history', async () => {
  await node.startAgent(['--history-dir', folder, ...NOWHERE]);
  nft('delete element ip knat cluster_ips { 10.96.0.10 }');
  await entry('the repair', ({ event }) => event?.kind === 'healed');
  const kinds = (await history()).map(({ event }) => event?.kind);
  expect(kinds).toEqual(['started', 'disturbed', 'healed']);
});

test.each([
  ['full', 'size=16k,mode=0700', 'ENOSPC'],
  ['read-only', 'size=1m,mode=0700,ro', 'EROFS'],
])('a disk that is %s: NAT goes on, and one problem says so', async (_, options, why) => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  try {
    if (why === 'ENOSPC') writeFileSync(join(folder, 'other'), Buffer.alloc(16 << 10));
    const agent = await node.startAgent(['--history-dir', folder, ...NOWHERE]);
    await agent.errorsHave('KNAT_HISTORY');
    writeFileSync(join(node.folder, 'web.yaml'), serviceManifest('web', '10.96.0.11'));
    const problems = async () =>
      (await json<{ problems: { code: string; message: string }[] }>('status')).problems.filter(
        ({ code }) => code === 'KNAT_HISTORY',
      );
    for (let i = 0; (await knat(['explain', ...PACKET])).output.includes('ClusterIP'); i++) {
      if (i > 100) throw new Error('the change is not programmed');
      await sleep(100);
    }
    await knat(['history']); // asking mends nothing
    expect(await problems()).toMatchObject([{ message: expect.stringContaining(why) }]);
  } finally {
    execFileSync('umount', ['--lazy', folder]);
  }
});

test('an agent that another one keeps out of the folder tells nothing of what that one wrote', async () => {
  const first = await node.startAgent(['--history-dir', folder, ...NOWHERE]);
  await entry('the start', ({ event }) => event?.kind === 'started');
  first.process.kill('SIGKILL');
  await first.ended;
  const other = new FolderLock(tryLock);
  await other.hold(folder);
  try {
    const second = await node.startAgent(['--history-dir', folder, ...NOWHERE]);
    await second.errorsHave('KNAT_HISTORY');
    for (const command of [['history'], ['explain', ...PACKET, '--at', '0s']]) {
      const { status, errors } = await knat(command);
      expect(status).toBe(2);
      expect(errors).toContain(`this agent has no history: another agent keeps its history in ${folder}`);
    }
  } finally {
    await other.release();
  }
});

test('without a history the error says how to get one', async () => {
  await node.startAgent(NOWHERE);
  for (const command of [['history'], ['explain', ...PACKET, '--at', '1s']]) {
    const { status, errors } = await knat(command);
    expect(status).toBe(2);
    expect(errors).toContain('this agent keeps no history: start it with --history-dir');
  }
});
