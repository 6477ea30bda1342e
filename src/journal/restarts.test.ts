import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endpoint, ip, nodeFacts, service, slice } from '../../test/generators/build.ts';
import type { FactChange } from '../model/facts.ts';
import { canonicalPlan } from '../plan/canonical.ts';
import { defaultPlanOptions, type PlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { historyOf } from './history.ts';
import { instantAt } from './instant.ts';
import { Journal } from './journal.ts';
import { Recorder } from './recorder.ts';

const START = Date.parse('2026-01-31T15:00:00Z');
const ALL = { object: null, address: null, since: null, until: null, limit: 1000, packets: false };

let folder = '';
let now = START;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-restarts-'));
  now = START;
});

afterEach(() => rmSync(folder, { recursive: true }));

/** An agent that starts with these facts and has them in force. */
async function started(
  facts: readonly FactChange[],
  options: PlanOptions = defaultPlanOptions,
  version = '1',
) {
  const planner = new Planner(nodeFacts(), options);
  const recorder = new Recorder(planner, () => ({ at: now, steady: now - START }));
  const parts = { folder, limit: 64 << 20, recorder, options, version, tryLock: () => true };
  const journal = new Journal(parts);
  const inForce = async (...changes: FactChange[]) => {
    now += 1000;
    recorder.delivered(changes);
    planner.apply(changes);
    recorder.converging();
    planner.update();
    recorder.converged();
    await journal.write();
  };
  await inForce(...facts);
  return { journal, inForce };
}

function web(index: number): FactChange[] {
  const name = `web-${index}`;
  const fact = service({ name, clusterIPs: [ip(`10.96.${index >> 8}.${index & 255}`)] });
  return [{ kind: 'Service', key: `shop/${name}`, fact }, endpoints(index, 1)];
}

function endpoints(index: number, last: number): FactChange {
  const name = `web-${index}-1`;
  const fact = slice([endpoint(`10.244.${index & 255}.${last}`)], { name, serviceName: `web-${index}` });
  return { kind: 'EndpointSlice', key: `shop/${name}`, fact };
}

function planOf(facts: Iterable<FactChange>, options: PlanOptions = defaultPlanOptions): string {
  const planner = new Planner(nodeFacts(), options);
  planner.apply(facts);
  return JSON.stringify(canonicalPlan(planner.update()));
}

async function planAt(at: number): Promise<string> {
  return JSON.stringify(canonicalPlan((await instantAt(folder, { at })).planner.plan));
}

function sizes(): number[] {
  return readdirSync(folder).map((name) => statSync(join(folder, name)).size);
}

test('200 starts with the same state write next to nothing', async () => {
  const facts = Array.from({ length: 500 }, (_, index) => web(index)).flat();
  const first = await started(facts);
  await first.journal.close();
  const [state = 0] = sizes();
  for (let i = 0; i < 200; i++) await (await started(facts.toReversed())).journal.close();
  const [all = 0, ...others] = sizes();
  expect(others).toEqual([]);
  expect((all - state) / 200).toBeLessThan(60);
  expect(await planAt(now)).toBe(planOf(facts));
  const { items } = await historyOf(folder, ALL);
  expect(items.map(({ event, changes }) => [event?.kind, changes.length])).toEqual(
    Array.from({ length: 201 }, () => ['started', 0]),
  );
}, 120_000);

test('what changed while no agent ran is written by itself, and told with the start', async () => {
  const facts = Array.from({ length: 50 }, (_, index) => web(index)).flat();
  const { journal, inForce } = await started(facts);
  await inForce(endpoints(7, 2)); // it is as the next start says, although the state in the file is not
  await journal.close();
  const [before = 0] = sizes();
  const later = [
    ...facts.filter(({ key }) => !key.startsWith('shop/web-3')),
    endpoints(7, 2),
    endpoints(8, 3),
    ...web(60),
  ];
  now += 60_000;
  await (await started(later)).journal.close();
  expect((sizes()[0] ?? 0) - before).toBeLessThan(600);
  expect([sizes().length, await planAt(now)]).toEqual([1, planOf(later)]);
  const { items } = await historyOf(folder, ALL);
  const { event, changes, moreChanges } = items.at(-1) ?? {};
  expect(event?.message).toBe('the agent started (knat 1)');
  expect((changes?.length ?? 0) + (moreChanges ?? 0)).toBe(2 * 11 + 1 + 2);
  const past = await instantAt(folder, { at: now - 30_000 });
  expect(past.notes[0]).toContain('the agent was killed');
  expect(new Date(past.until ?? 0)).toEqual(new Date(now));
});

test('another version, other settings and a clock that was set back begin a segment', async () => {
  const facts = web(1);
  await (await started(facts)).journal.close();
  await (await started(facts, defaultPlanOptions, '2')).journal.close();
  expect(sizes()).toHaveLength(2);
  const options = { ...defaultPlanOptions, dropInvalid: !defaultPlanOptions.dropInvalid };
  await (await started(facts, options, '2')).journal.close();
  expect([sizes().length, await planAt(now)]).toEqual([3, planOf(facts, options)]);
  now -= 60_000;
  await (await started(facts, options, '2')).journal.close();
  expect(sizes()).toHaveLength(4);
});

test('a kill at any byte costs what was not whole, and the next start goes on', async () => {
  let facts = web(1);
  const truths: { readonly at: number; readonly plan: string; readonly bytes: number }[] = [];
  const note = () => truths.push({ at: now, plan: planOf(facts), bytes: sizes()[0] ?? 0 });
  for (let start = 0; start < 2; start++) {
    const { journal, inForce } = await started(facts);
    note();
    for (let last = 2; last < 4; last++) {
      const change = endpoints(1, 10 * start + last);
      facts = [...facts.filter(({ key }) => key !== change.key), change];
      await inForce(change);
      note();
    }
    await journal.close();
    facts = [...facts, ...web(10 + start)];
  }
  const [name = ''] = readdirSync(folder);
  const whole = readFileSync(join(folder, name));
  const end = now;
  for (let length = truths[0]?.bytes ?? 0; length < whole.length; length++) {
    for (const file of readdirSync(folder)) rmSync(join(folder, file));
    writeFileSync(join(folder, name), whole.subarray(0, length));
    const kept = truths.filter(({ bytes }) => bytes <= length);
    now = end + 10_000;
    await (await started(facts)).journal.close();
    expect(await planAt(now), `now, ${length} bytes`).toBe(planOf(facts));
    for (const { at, plan } of kept.slice(-2)) expect(await planAt(at), `${at}, ${length} bytes`).toBe(plan);
    const isBetweenRecords = kept.at(-1)?.bytes === length;
    if (isBetweenRecords) expect(sizes()).toHaveLength(1);
  }
}, 120_000);
