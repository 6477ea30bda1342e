import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endpoint, nodeFacts, service, slice } from '../../test/generators/build.ts';
import type { FactChange } from '../model/facts.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { tryLock } from '../wire/file-lock.ts';
import { instantAt } from './instant.ts';
import { Journal } from './journal.ts';
import { Recorder } from './recorder.ts';

const START = Date.parse('2026-01-31T15:00:00Z');

let parent = '';
let folder = '';
let now = START;
const journals: Journal[] = [];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'knat-journal-'));
  folder = join(parent, 'history');
  now = START;
});

afterEach(async () => {
  for (const journal of journals.splice(0)) await journal.close();
  rmSync(parent, { recursive: true });
});

function agent(limit = 64 << 20) {
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  const recorder = new Recorder(planner, () => ({ at: now, steady: now }));
  const journal = new Journal({
    folder,
    limit,
    recorder,
    options: defaultPlanOptions,
    version: '1',
    tryLock,
  });
  journals.push(journal);
  const inForce = (...changes: FactChange[]) => {
    now += 1000;
    recorder.delivered(changes);
    planner.apply(changes);
    recorder.converging();
    planner.update();
    recorder.converged();
  };
  return { planner, recorder, journal, inForce };
}

/** Numbers without a pattern that compression would find. */
function mixed(index: number): number {
  const product = Math.imul(index ^ (index >>> 15), 0x2c1b3c6d);
  return (Math.imul(product ^ (product >>> 12), 0x297a2d39) ^ (product >>> 15)) >>> 0;
}

/** A change of the slice of one of 500 Services: its only endpoint is another, as controllers write it. */
function replaced(index: number): FactChange {
  const number = mixed(index);
  const serviceName = `service-${mixed(number % 500).toString(36)}`;
  const name = `${serviceName}-${mixed((number % 500) + 500)
    .toString(36)
    .slice(0, 5)}`;
  const address = `10.${(number >>> 9) & 127}.${(number >>> 16) & 255}.${(number >>> 24) & 255}`;
  const lastChangeTriggerAt = START + index * 1000;
  const nodeName = `node-${mixed(number) % 40}`;
  const fact = slice([endpoint(address, { nodeName })], { name, serviceName, lastChangeTriggerAt });
  const by = { manager: 'kube-controller-manager', at: new Date(lastChangeTriggerAt + 400).toISOString() };
  return { kind: 'EndpointSlice', key: `shop/${name}`, fact, by };
}

function modeOf(path: string): string {
  return (lstatSync(path).mode & 0o777).toString(8);
}

test('folder and files can be read by root alone, also a folder that was open before', async () => {
  mkdirSync(folder, { mode: 0o755 });
  chmodSync(folder, 0o755);
  const { journal, inForce } = agent();
  inForce();
  await journal.write();
  expect(modeOf(folder)).toBe('700');
  expect(readdirSync(folder).map((name) => modeOf(join(folder, name)))).toEqual(['600']);
});

test('symbolic links are not followed', async () => {
  const elsewhere = join(parent, 'elsewhere');
  mkdirSync(elsewhere);
  symlinkSync(elsewhere, folder);
  const { journal, inForce } = agent();
  inForce();
  await expect(journal.write()).rejects.toThrow(`${folder} is no folder`);
  rmSync(folder);
  mkdirSync(folder);
  symlinkSync(join(elsewhere, 'file'), join(folder, '.new'));
  inForce();
  await journal.write();
  expect(readdirSync(elsewhere)).toEqual([]);
});

test('a folder has one agent: another one is told, and begins when the first has ended', async () => {
  const first = agent();
  first.inForce();
  await first.journal.write();
  const second = agent();
  second.inForce();
  await expect(second.journal.write()).rejects.toThrow(`another agent keeps its history in ${folder}`);
  expect(readdirSync(folder)).toHaveLength(1);
  await first.journal.end({ at: now, steady: now });
  second.inForce();
  await second.journal.write();
  expect((await instantAt(folder, { at: now })).position).toBe('1.1');
});

test('a disk that takes nothing is an error at each attempt; then a segment says that changes are missing', async () => {
  const { journal, inForce, planner, recorder } = agent();
  inForce({ kind: 'Service', key: 'shop/web', fact: service() });
  await journal.write();
  rmSync(folder, { recursive: true });
  symlinkSync('/dev/null', folder); // no folder can be made there
  for (let i = 0; i < 20_100; i++) recorder.delivered([replaced(i)]); // more than is kept: a new segment begins
  inForce(replaced(1));
  await expect(journal.write()).rejects.toThrow('EEXIST');
  expect(recorder.isKnown).toBe(false);
  inForce(replaced(2));
  await expect(journal.write()).rejects.toThrow();
  rmSync(folder);
  inForce(replaced(3));
  await journal.write();
  expect([journal.gaps, journal.kept?.bytes]).toEqual([1, sizeOf()]);
  const { planner: past, position } = await instantAt(folder, { at: now });
  expect(position.endsWith('.0')).toBe(true);
  expect([...past.facts.of('EndpointSlice').keys()].sort()).toEqual(
    [...planner.facts.of('EndpointSlice').keys()].sort(),
  );
});

test('a change in force while a full segment is written is not in the state of the moment before', async () => {
  const { journal, inForce } = agent(64 << 10);
  inForce({ kind: 'Service', key: 'shop/web', fact: service() });
  await journal.write();
  for (let i = 0; i < 2_000; i++) inForce(replaced(i));
  const before = now;
  const writing = journal.write();
  inForce({ kind: 'Service', key: 'shop/web', fact: null });
  await writing;
  await journal.write();
  const [full, ...more] = readdirSync(folder).sort();
  expect([full?.slice(0, 10), more.length]).toEqual(['0000000002', 0]);
  const past = await instantAt(folder, { at: before });
  expect([past.position, past.planner.facts.of('Service').has('shop/web')]).toEqual(['2.0', true]);
  const after = await instantAt(folder, { at: now });
  expect([after.position, after.planner.facts.of('Service').has('shop/web')]).toEqual(['2.1', false]);
});

test('a segment that somebody deletes is noticed, and another one begins', async () => {
  const { journal, inForce } = agent();
  inForce({ kind: 'Service', key: 'shop/web', fact: service() });
  await journal.write();
  rmSync(folder, { recursive: true });
  inForce(replaced(1));
  await expect(journal.write()).rejects.toThrow(`its file in ${folder} was deleted`);
  inForce();
  await journal.write();
  const { planner: past } = await instantAt(folder, { at: now });
  expect([past.facts.of('Service').size, past.facts.of('EndpointSlice').size]).toEqual([1, 1]);
});

test('a segment that cannot be read is named', async () => {
  const { journal, inForce } = agent();
  inForce();
  await journal.write();
  const [name = ''] = readdirSync(folder);
  writeFileSync(join(folder, name), 'other');
  for (const asked of [{ at: now }, { segment: 1, commit: 0 }]) {
    await expect(instantAt(folder, asked)).rejects.toThrow(`${name} is damaged`);
  }
});

/** Bytes in the folder. */
function sizeOf(): number {
  return readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
}

test('100,000 changes stay within the limit', async () => {
  const limit = 1 << 20;
  const { journal, inForce } = agent(limit);
  inForce();
  for (let i = 0; i < 100_000; i++) {
    inForce(replaced(i));
    if (i % 20 > 0) continue;
    await journal.write();
    if (i % 1000 === 0) expect(sizeOf()).toBeLessThan(limit);
  }
  const oldest = readdirSync(folder).sort()[0] ?? '';
  expect(journal.kept).toEqual({ bytes: sizeOf(), begins: Number(oldest.slice(11).replace(/\..*/, '')) });
  expect(Number(oldest.slice(0, 10))).toBeGreaterThan(1);
}, 120_000);

test('a change that is written by itself takes less than 100 bytes', async () => {
  const { journal, inForce } = agent();
  inForce(...Array.from({ length: 500 }, (_, index) => replaced(index)));
  await journal.write();
  const before = sizeOf();
  for (let i = 0; i < 5000; i++) {
    inForce(replaced(500 + i));
    await journal.write();
  }
  const each = (sizeOf() - before) / 5000;
  expect(each).toBeLessThan(100);
}, 60_000);
