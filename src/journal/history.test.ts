import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endpoint, ip, natEntry, nodeFacts, pod, service, slice } from '../../test/generators/build.ts';
import { plainText } from '../explain/lines.ts';
import type { FactChange } from '../model/facts.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { describeHistory } from './describe.ts';
import { historyOf } from './history.ts';
import { instantAt } from './instant.ts';
import { Journal } from './journal.ts';
import { parseMoment } from './moment.ts';
import { Recorder } from './recorder.ts';

const START = Date.parse('2026-01-31T15:00:00Z');
const ANY = { object: null, address: null, since: null, until: null, limit: 50, packets: false };
const web: FactChange = { kind: 'Service', key: 'shop/web', fact: service() };
const endpoints = (...addresses: string[]): FactChange => ({
  kind: 'EndpointSlice',
  key: 'shop/web-1',
  fact: slice(addresses.map((address) => endpoint(address))),
});

let folder = '';
let now = START;
let steady = 0;
let planner: Planner;
let recorder: Recorder;
let journal: Journal;
const journals: Journal[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-history-'));
  now = START;
  steady = 0;
  begin();
});

afterEach(async () => {
  for (const one of journals.splice(0)) await one.close();
  rmSync(folder, { recursive: true });
});

function begin(facts: readonly FactChange[] = []): void {
  planner = new Planner(nodeFacts(), defaultPlanOptions);
  planner.apply(facts);
  recorder = new Recorder(planner, () => ({ at: now, steady }));
  journal = new Journal({
    folder,
    limit: 64 << 20,
    recorder,
    options: defaultPlanOptions,
    version: '1.2.3',
    tryLock: () => true,
  });
  journals.push(journal);
}

function pass(seconds: number): void {
  now += seconds * 1000;
  steady += seconds * 1000;
}

/** These changes come into force ten seconds later. */
async function inForce(...changes: FactChange[]): Promise<void> {
  pass(10);
  recorder.delivered(changes);
  planner.apply(changes);
  recorder.converging();
  planner.update();
  recorder.converged();
  await journal.write();
}

async function told(question: Partial<Parameters<typeof historyOf>[1]> = {}): Promise<string[]> {
  return describeHistory(await historyOf(folder, { ...ANY, ...question })).map(plainText);
}

test('who changed what, when, and what it did', async () => {
  begin([web, endpoints('10.244.1.1')]);
  await inForce();
  await inForce({
    ...endpoints('10.244.1.1', '10.244.2.2'),
    by: { manager: 'kube-controller-manager', at: '2026-01-31T15:00:19Z' },
  });
  await inForce({ kind: 'Service', key: 'shop/web', fact: null });
  expect(await told()).toEqual([
    '2026-01-31T15:00:10.000Z  1.0',
    '  the agent started (knat 1.2.3)',
    '2026-01-31T15:00:20.000Z  1.1',
    '  EndpointSlice shop/web-1 changed by kube-controller-manager at 2026-01-31T15:00:19Z',
    '      endpoints: + 10.244.2.2',
    '    → 10.96.0.10:80/TCP changed (Service shop/web)',
    '      endpoints: + 10.244.2.2:8080',
    '2026-01-31T15:00:30.000Z  1.2',
    '  Service shop/web gone',
    '    → 10.96.0.10:80/TCP gone (Service shop/web)',
    '    → cluster-ip 10.96.0.10 gone (Service shop/web)',
  ]);
});

test('a question about an object or an address gets what concerns it alone', async () => {
  await inForce();
  const api: FactChange = {
    kind: 'Service',
    key: 'shop/api',
    fact: service({ name: 'api', clusterIPs: [ip('10.96.0.11')] }),
  };
  await inForce(api);
  await inForce(web);
  await inForce(endpoints('10.244.1.1'));
  await inForce({ kind: 'Pod', key: 'mail/smtp', fact: pod([natEntry()]) });
  const positions = async (question: Partial<Parameters<typeof historyOf>[1]>) =>
    (await historyOf(folder, { ...ANY, ...question })).items.map(({ position }) => position);
  expect(await positions({})).toEqual(['1.0', '1.1', '1.2', '1.3', '1.4']);
  for (const object of ['shop/web', 'Service shop/web', 'service/shop/web']) {
    expect(await positions({ object })).toEqual(['1.2', '1.3']);
  }
  expect(await positions({ object: 'EndpointSlice shop/web-1' })).toEqual(['1.3']);
  expect(await positions({ address: { address: ip('10.96.0.10'), port: 80 } })).toEqual(['1.2', '1.3']);
  expect(await positions({ address: { address: ip('10.96.0.11'), port: null } })).toEqual(['1.1']);
  expect(await positions({ address: { address: ip('203.0.113.7'), port: 25 } })).toEqual(['1.4']);
  expect(await positions({ since: { at: START + 30_000 }, until: { at: START + 40_000 } })).toEqual([
    '1.2',
    '1.3',
  ]);
  expect(await positions({ since: { segment: 1, commit: 4 } })).toEqual(['1.4']);
  const few = await historyOf(folder, { ...ANY, limit: 2 });
  expect([few.items.map(({ position }) => position), few.isComplete]).toEqual([['1.3', '1.4'], false]);
});

test('what changed while no agent ran is told with the next start', async () => {
  await inForce();
  await inForce(web);
  await journal.end({ at: now, steady });
  pass(60);
  const other: FactChange = {
    kind: 'Service',
    key: 'shop/web',
    fact: service({ affinityTimeoutSeconds: 10 }),
  };
  begin([other]);
  await inForce();
  const lines = await told({ since: { at: START + 20_001 } });
  expect(lines).toEqual([
    '2026-01-31T15:01:30.000Z  1.2',
    '  the agent started (knat 1.2.3)',
    '  Service shop/web changed',
    '      affinityTimeoutSeconds: 10',
    '    → 10.96.0.10:80/TCP changed (Service shop/web)',
    '      affinityTimeoutSeconds: 10',
  ]);
  const { notes, position } = await instantAt(folder, { at: START + 50_000 });
  expect([position, notes]).toEqual([
    '1.1',
    ['no agent ran: it ended at 2026-01-31T15:00:20.000Z, and its rules stayed in the kernel'],
  ]);
});

test('after a kill the last rules hold, and the answer says what may be missing', async () => {
  await inForce();
  await inForce(web);
  pass(60);
  begin([web]);
  await inForce();
  const { notes } = await instantAt(folder, { at: START + 50_000 });
  expect(notes).toEqual([
    'between 2026-01-31T15:00:20.000Z and 2026-01-31T15:01:30.000Z the agent was killed; the last rules stayed in the kernel, but a change of the last second before may be missing',
  ]);
});

test('what happened beside changes is told; drift is noted for the time that it lasted', async () => {
  await inForce();
  const happened = (kind: string, message: string) =>
    recorder.happened({ kind, severity: 'warning', message, object: null });
  pass(5);
  happened('disturbed', 'something else changed the tables of knat: set services');
  pass(1);
  happened('healed', 'mended: 1 elements added');
  await inForce(web);
  expect((await told()).slice(2, 6)).toEqual([
    '2026-01-31T15:00:15.000Z  1.0',
    '  something else changed the tables of knat: set services',
    '2026-01-31T15:00:16.000Z  1.0',
    '  mended: 1 elements added',
  ]);
  const notesAt = async (seconds: number) =>
    (await instantAt(folder, { at: START + seconds * 1000 })).notes.length;
  expect([await notesAt(14), await notesAt(15.5), await notesAt(17)]).toEqual([0, 1, 0]);
});

test('a clock that is set back: a time is the later one, and positions are exact', async () => {
  await inForce();
  await inForce(web); // at 15:00:20
  now -= 3600_000;
  await inForce(endpoints('10.244.1.1')); // at 14:00:30
  pass(3600);
  await inForce(endpoints('10.244.1.2')); // at 15:00:40
  const at = async (text: string) => {
    const moment = parseMoment(text, now);
    if (typeof moment === 'string') throw new Error(moment);
    return await instantAt(folder, moment);
  };
  const twice = await at('2026-01-31T15:00:15Z');
  expect(twice.position).toBe('2.1');
  expect(twice.notes).toEqual([
    'the clock was set back to 2026-01-31T14:00:30.000Z, so this time came twice: this is the later one (knat history has positions, which are exact)',
  ]);
  expect((await at('1.0')).planner.plan.entry('10.96.0.10:80/TCP')).toBeUndefined();
  expect((await at('1.1')).planner.plan.entry('10.96.0.10:80/TCP')).toBeDefined();
  expect(await at('2026-01-31T15:00:45Z').catch((error: Error) => error.message)).toContain('is not yet');
  now += 7200_000;
  expect((await at('1h')).notes).toEqual([]);
});

test('a moment that is not in the journal is an error', async () => {
  const nothing = await instantAt(folder, { at: START }).catch((error: Error) => error.message);
  expect(nothing).toBe(`${folder} has no journal`);
  await inForce();
  const early = await instantAt(folder, { at: START }).catch((error: Error) => error.message);
  expect(early).toBe(
    'the journal begins at 2026-01-31T15:00:10.000Z: what was in force before is not recorded',
  );
  const [segment, commit] = [
    await instantAt(folder, { segment: 7, commit: 0 }).catch((error: Error) => error.message),
    await instantAt(folder, { segment: 1, commit: 5 }).catch((error: Error) => error.message),
  ];
  expect([segment, commit]).toEqual([
    'the journal has no segment 7: it has 1 to 1',
    'segment 1 of the journal has 0 commits',
  ]);
});

test.each([
  ['2026-01-31T15:04:05Z', { at: Date.parse('2026-01-31T15:04:05Z') }],
  ['2h', { at: Date.parse('2026-02-01T00:00:00Z') - 7_200_000 }],
  ['#12.345', { segment: 12, commit: 345 }],
  ['12.345', { segment: 12, commit: 345 }],
  ['yesterday', '"yesterday" is no time: write 2026-01-31T15:04:05Z, 2h (ago) or a position of knat history'],
  ['2027-01-01', '2027-01-01 is not yet: it is 2026-02-01T00:00:00.000Z'],
])('the moment %s', (text, expected) => {
  expect(parseMoment(text, Date.parse('2026-02-01T00:00:00Z'))).toEqual(expected);
});

test('with packets, each change says which packets have had another fate since', async () => {
  await inForce(web, endpoints('10.244.1.1'));
  pass(10);
  await inForce(endpoints('10.244.1.2'));
  pass(10);
  const fact = { ...service(), createdAt: 7 };
  await inForce({ kind: 'Service', key: 'shop/web', fact });
  expect(await told({ packets: true, since: { segment: 1, commit: 1 } })).toEqual([
    '2026-01-31T15:00:30.000Z  1.1',
    '  EndpointSlice shop/web-1 changed',
    '      endpoints: - 10.244.1.1  + 10.244.1.2',
    '    → 10.96.0.10:80/TCP changed (Service shop/web)',
    '      endpoints: - 10.244.1.1:8080  + 10.244.1.2:8080',
    '    packets of Service shop/web',
    '      from all except 10.244.1.1-10.244.1.2',
    '      to 10.96.0.10, TCP port 80',
    '        before  to 10.244.1.1:8080',
    '        after   to 10.244.1.2:8080',
    '      from 10.244.1.1',
    '      to 10.96.0.10, TCP port 80',
    '        before  to 10.244.1.1:8080, the source becomes an address of the node',
    '        after   to 10.244.1.2:8080, the source stays',
    '      from 10.244.1.2',
    '      to 10.96.0.10, TCP port 80',
    '        before  to 10.244.1.1:8080, the source stays',
    '        after   to 10.244.1.2:8080, the source becomes an address of the node',
    '2026-01-31T15:00:50.000Z  1.2',
    '  Service shop/web changed',
    '    → 10.96.0.10:80/TCP changed (Service shop/web)',
    '    → cluster-ip 10.96.0.10 changed (Service shop/web)',
    '    every packet has the same fate as before',
    '',
    'Not in the lines about packets',
    '  - which address of the node the source becomes: that of the outgoing interface',
    '  - whether such a connection exists: it would keep its first translation',
    '  - routing, and rules of other programs (a FORWARD chain that drops), may',
    '    change the outcome',
  ]);
});
