import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endpoint, nodeFacts, service, slice } from '../../test/generators/build.ts';
import type { FactChange } from '../model/facts.ts';
import { canonicalPlan } from '../plan/canonical.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { segmentsIn } from './folder.ts';
import { framesIn } from './frames.ts';
import { historyOf } from './history.ts';
import { instantAt, NotRecorded } from './instant.ts';
import { Journal } from './journal.ts';
import { Recorder } from './recorder.ts';

const START = Date.parse('2026-01-31T15:00:00Z');
const ABOUT = { object: 'shop/web', address: null, since: null, until: null, limit: 1000, packets: false };
const WEB: FactChange = { kind: 'Service', key: 'shop/web', fact: service() };

let folder = '';
/** What was in force from a time on. */
let truths: { readonly at: number; readonly plan: string }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-damage-'));
  truths = [];
});

afterEach(() => rmSync(folder, { recursive: true }));

/** A journal of two segments, since the clock is set back once. */
async function written(): Promise<void> {
  let now = START;
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  const recorder = new Recorder(planner, () => ({ at: now, steady: now }));
  const parts = { folder, limit: 1 << 20, recorder, options: defaultPlanOptions, version: '1' };
  const journal = new Journal({ ...parts, tryLock: () => true });
  const inForce = async (...changes: FactChange[]) => {
    now += 1000;
    recorder.delivered(changes);
    planner.apply(changes);
    recorder.converging();
    planner.update();
    recorder.converged();
    // Of times that the clock showed twice, one is enough.
    if (now <= START + 5_000 || now > START + 10_000)
      truths.push({ at: now, plan: JSON.stringify(canonicalPlan(planner.plan)) });
    await journal.write();
  };
  await inForce(WEB);
  for (let i = 1; i < 16; i++) {
    if (i === 9) now -= 5_000;
    const fact = slice([endpoint(`10.244.${i % 3}.${(i * 37) % 251}`)]);
    await inForce({ kind: 'EndpointSlice', key: 'shop/web-1', fact });
  }
  await journal.end({ at: now, steady: now });
}

/** The answers about every moment are true, or say what is damaged; the history says it. */
async function expectToldOf(where: string): Promise<void> {
  const { items } = await historyOf(folder, ABOUT);
  expect(
    items.some(({ event }) => event?.kind === 'damaged'),
    `history: ${where}`,
  ).toBe(true);
  for (const { at, plan } of [truths[3], truths.at(-2)].filter((one) => one !== undefined)) {
    try {
      const { planner, notes } = await instantAt(folder, { at: at + 500 });
      if (JSON.stringify(canonicalPlan(planner.plan)) === plan) continue;
      expect(notes.join('\n'), `explain --at: ${where}`).toContain(' is damaged');
    } catch (error) {
      if (!(error instanceof NotRecorded)) throw error;
      expect(error.message, where).toMatch(/ is damaged|the journal begins at/);
    }
  }
}

test('a bit that is wrong anywhere is told by history and explain --at', async () => {
  await written();
  const files = await segmentsIn(folder);
  expect(files.length).toBeGreaterThan(1);
  for (const { path } of files) {
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at++) {
      const flipped = Buffer.from(whole);
      flipped.writeUInt8(whole.readUInt8(at) ^ (1 << (at % 8)), at);
      writeFileSync(path, flipped);
      await expectToldOf(`bit ${at % 8} of byte ${at} of ${path}`);
    }
    writeFileSync(path, whole);
  }
}, 300_000);

test('a file that is cut off anywhere is told by history and explain --at, but for a kill between two records', async () => {
  await written();
  const files = await segmentsIn(folder);
  for (const [index, { path }] of files.entries()) {
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length++) {
      const left = whole.subarray(0, length);
      const isAsAfterKill = index === files.length - 1 && framesIn(left).end === length;
      writeFileSync(path, left);
      if (isAsAfterKill && framesIn(left).pieces.length > 1) continue;
      await expectToldOf(`${length} of ${whole.length} bytes of ${path}`);
    }
    writeFileSync(path, whole);
  }
}, 300_000);
