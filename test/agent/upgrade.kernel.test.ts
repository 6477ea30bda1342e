/** Restarts, upgrades and rollbacks of the agent lose or redirect no packet. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Running, startKnat } from '../cli/knat.ts';
import { listRuleset, nft } from '../netns/namespace.ts';
import { Stage } from '../netns/stage.ts';
import { startTraffic } from '../netns/traffic.ts';
import { dialled, held, scene, writeManifests } from './upgrade-scene.ts';

/** New connections per second, of all kinds together. */
const RATE = 200;
/** Longest wait of an open connection for an answer, in milliseconds: processes wait on a busy machine. */
const STALL = 2000;
/** The same for a new connection; the kernel's count of repeated SYNs shows a lost packet. */
const LOST_AFTER = 5000;

let stage: Stage;
let folder: string;
let builds: string;
let otherBuild: string;
let agent: Running | null = null;

beforeAll(async () => {
  folder = writeManifests();
  builds = mkdtempSync(join(tmpdir(), 'knat-test-'));
  otherBuild = buildOtherVersion(builds);
  stage = await Stage.build();
  await stage.setUp(scene);
});

afterEach(() => endAgent('SIGKILL'));

afterAll(() => {
  stage.dispose();
  for (const place of [folder, builds]) rmSync(place, { recursive: true });
});

/** A copy of this build whose skeleton has one more set and one more chain, like that of a later version. */
function buildOtherVersion(place: string): string {
  for (const name of ['dist', 'package.json']) cpSync(name, join(place, name), { recursive: true });
  symlinkSync(join(process.cwd(), 'node_modules'), join(place, 'node_modules'));
  const file = join(place, 'dist/datapath/nftables/skeleton.js');
  const text = readFileSync(file, 'utf8');
  const changed = text
    .replace("chain('refuse',", "chain('of_another_version', null), chain('refuse',")
    .replace(
      'sets: allSets(family)',
      "sets: [...allSets(family), { ...allSets(family)[0], name: 'another' }]",
    );
  if (!/of_another_version.*another'/s.test(changed))
    throw new Error('the source of the skeleton has another form');
  writeFileSync(file, changed);
  return join(place, 'dist/cli/main.js');
}

function agentArgs(): readonly string[] {
  return ['agent', '--source', `dir:${folder}`, '--node', 'n1', '--log-format', 'json'];
}

async function startAgent(main?: string): Promise<void> {
  agent = startKnat(agentArgs(), main === undefined ? {} : { main });
  await agent.errorsHave('"programmed"');
  await sleep(200); // the agent's work after its first report is part of its start
}

async function endAgent(signal: NodeJS.Signals): Promise<string> {
  if (agent === null) return '';
  agent.process.kill(signal);
  const { errors } = await agent.ended;
  agent = null;
  return errors;
}

async function expectUndisturbed(change: () => Promise<void>): Promise<void> {
  const stop = await startTraffic(stage, { dialled, held, rate: RATE, lostAfterMs: LOST_AFTER });
  await sleep(300);
  await change();
  await sleep(300);
  const report = await stop();
  const longest = Math.max(...report.held.map(({ longestSilenceMs }) => longestSilenceMs));
  console.info(
    `${report.dialled} dials in ${report.seconds.toFixed(1)} s, longest silence ${longest.toFixed(0)} ms`,
  );
  expect(report.failed).toEqual([]);
  expect(report.repeatedSyns).toBe(0);
  expect(report.dialled).toBeGreaterThan(report.seconds * RATE * 0.9);
  for (const one of report.held) {
    expect(one, one.to).toMatchObject({ ended: null, answers: one.sent });
    expect(one.longestSilenceMs, one.to).toBeLessThan(STALL);
  }
}

test.each(['SIGTERM', 'SIGKILL'] as const)(
  '%s and a new start: nothing is lost, refused or stalled',
  async (signal) => {
    await startAgent();
    await expectUndisturbed(async () => {
      for (let i = 0; i < 2; i++) {
        await endAgent(signal);
        await sleep(200);
        await startAgent();
      }
    });
    expect(await endAgent('SIGTERM')).toContain('"skeleton":"kept","elementsAdded":0,"elementsDeleted":0');
  },
);

test('an upgrade to another skeleton and back: nothing is lost, refused or stalled', async () => {
  await startAgent();
  const skeletons: string[] = [];
  await expectUndisturbed(async () => {
    for (const main of [otherBuild, undefined, otherBuild, undefined]) {
      await endAgent('SIGTERM');
      await startAgent(main);
      skeletons.push(listRuleset().includes('of_another_version') ? 'other' : 'this');
    }
  });
  expect(skeletons).toEqual(['other', 'this', 'other', 'this']);
});

/** Tables with a set of an older version, and a table that a kill of such an agent left. */
function leaveAsBefore(): void {
  nft(`add set ip knat of_an_older_version { typeof ip saddr; }
    add table ip knat_swap
    add table ip6 knat_swap
    add table ip knat_reference { flags dormant; }
    add chain ip knat_reference of_an_older_version { type nat hook prerouting priority -100; }`);
}

test('an upgrade from tables of an older version, with a table that a kill left', async () => {
  await startAgent();
  await endAgent('SIGKILL');
  leaveAsBefore();
  await expectUndisturbed(() => startAgent());
  expect(listRuleset()).not.toMatch(/of_an_older_version|knat_swap|knat_reference/);
  await endAgent('SIGTERM');
  await startAgent();
  expect(await endAgent('SIGTERM')).toContain('"skeleton":"kept","elementsAdded":0,"elementsDeleted":0');
});

test.each([0, 15, 40])(
  'a new version is killed %i ms after its source was in sync, and rolled back',
  async (delay) => {
    await startAgent();
    await expectUndisturbed(async () => {
      await endAgent('SIGTERM');
      agent = startKnat(agentArgs(), { main: otherBuild });
      await agent.errorsHave('"in sync"');
      await sleep(delay);
      await endAgent('SIGKILL');
      await sleep(300); // meanwhile the state that it left translates
      await startAgent();
    });
    expect(listRuleset()).not.toMatch(/of_another_version|knat_swap|knat_reference/);
  },
);
