/**
 * Clients, objects and connections take what they can from an agent that has the memory of the chart and few descriptors; NAT
 * goes on. Each load is measured beside an idle agent, in turns. `make starve` is the long form (KNAT_STARVE=long); it prints
 * its figures, and writes them to the file that KNAT_STARVE_REPORT names.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ip } from '../generators/build.ts';
import { fillConntrack } from '../netns/fill-conntrack.ts';
import type { Strain } from './agent-process.ts';
import { Confines, DESCRIPTORS, memoryOfChart } from './confines.ts';
import { type Load, loads } from './loads.ts';
import { type Change, NodeUnderLoad } from './node-under-load.ts';

const isLong = process.env.KNAT_STARVE === 'long';
const FLOWS = isLong ? 200_000 : 20_000;
const ROUNDS = isLong ? 4 : 1;
const CHANGES = isLong ? 40 : 12;
/** Milliseconds of the agent's processor that a change may take, with what it waits for; of all changes the median. */
const BOUND = 50;

const memory = memoryOfChart();
let confines: Confines;
let scene: NodeUnderLoad;

beforeAll(async () => {
  confines = new Confines(memory);
  scene = await NodeUnderLoad.start(isLong ? 2_000 : 500, confines.through);
  const pods = ['10.244.1.5', '10.244.1.6'].map(ip);
  fillConntrack({ count: FLOWS, pods, masqueradedAs: ip('203.0.113.1') });
  await scene.changes(60); // the code is compiled
  await scene.agent.strain();
}, 120_000);

afterAll(async () => {
  await scene.stop();
  await confines.remove();
});

test.each(Object.entries<Load>(loads))(
  '%s',
  async (name, load) => {
    const idle: Change[] = [];
    const loaded: Change[] = [];
    const strains: Strain[] = [];
    const before = (await scene.agent.strain()).descriptors;
    for (let round = 0; round < ROUNDS; round++) {
      idle.push(...(await scene.changes(CHANGES)));
      await scene.agent.strain();
      const stop = await load(scene, isLong ? 'long' : 'short');
      await sleep(500);
      loaded.push(...(await scene.changes(CHANGES)));
      strains.push(await scene.agent.strain());
      await stop();
      await sleep(500);
    }
    tell(name, idle, loaded, strains);
    expect(
      quantile(
        loaded.map(({ processor }) => processor),
        0.5,
      ),
    ).toBeLessThan(BOUND);
    const most = (of: keyof Strain) => Math.max(...strains.map((each) => each[of]));
    expect(most('resident')).toBeLessThan(memory);
    expect(most('descriptors')).toBeLessThan(DESCRIPTORS / 2);
    expect(most('children')).toBeLessThanOrEqual(3);
    // What the clients had is given back.
    const descriptors = async () => {
      await scene.agent.strain();
      return (await scene.agent.strain()).descriptors;
    };
    await expect.poll(descriptors, { timeout: 60_000, interval: 1_000 }).toBeLessThan(before + 30);
  },
  600_000,
);

function tell(
  name: string,
  idle: readonly Change[],
  loaded: readonly Change[],
  strains: readonly Strain[],
): void {
  const of = (changes: readonly Change[], which: keyof Change) =>
    [0.5, 0.9, 1]
      .map((share) =>
        quantile(
          changes.map((each) => each[which]),
          share,
        ).toFixed(1),
      )
      .join(' / ');
  const most = (which: keyof Strain) => Math.max(...strains.map((each) => each[which]));
  const text = [
    name,
    `  a change, by the clock (median / 90 % / worst, ms):      idle ${of(idle, 'clock')}, loaded ${of(loaded, 'clock')}`,
    `  a change, on the agent's processor (the same):           idle ${of(idle, 'processor')}, loaded ${of(loaded, 'processor')}`,
    `  most: a turn of ${most('turn').toFixed(1)} ms, ${(most('resident') / 2 ** 20).toFixed(0)} MiB, ${most('descriptors')} descriptors, ${most('children')} processes`,
    '',
  ].join('\n');
  if (isLong) process.stdout.write(text);
  if (process.env.KNAT_STARVE_REPORT !== undefined) appendFileSync(process.env.KNAT_STARVE_REPORT, text);
}

function quantile(all: readonly number[], share: number): number {
  const sorted = [...all].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
