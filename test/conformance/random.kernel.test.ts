/**
 * Random states of a node, and random packets: the kernel does with each what `walk` says.
 *
 * `KNAT_RANDOM_RUNS` is the number of states, `KNAT_RANDOM_MINUTES` instead of it a time; `KNAT_RANDOM_SEED` repeats a
 * run. A failure is shrunk for a minute and printed with its seed.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { packetsOf, type Traffic, traffic } from '../generators/traffic.ts';
import { Stage } from '../netns/stage.ts';
import { disagreements } from './agreement.ts';

const runs = Number(process.env.KNAT_RANDOM_RUNS ?? 40);
const minutes = Number(process.env.KNAT_RANDOM_MINUTES ?? 0);
const seed = process.env.KNAT_RANDOM_SEED;
const SHRINK_MS = 60_000;

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.build();
});

afterAll(() => stage.dispose());

test(
  'the kernel does what walk says',
  async () => {
    let shrinkUntil = Number.POSITIVE_INFINITY;
    let packets = 0;
    let states = 0;
    const property = fc.asyncProperty(traffic, async (state) => {
      if (Date.now() > shrinkUntil) return;
      const result = await trial(state);
      packets += result.packets;
      states++;
      if (result.texts.length === 0) return;
      if (shrinkUntil === Number.POSITIVE_INFINITY) shrinkUntil = Date.now() + SHRINK_MS;
      throw new Error(result.texts.join('\n'));
    });
    await fc.assert(property, {
      ...(seed === undefined ? {} : { seed: Number(seed) }),
      ...(minutes > 0
        ? { numRuns: 1e9, interruptAfterTimeLimit: minutes * 60_000 }
        : { numRuns: runs, interruptAfterTimeLimit: 120_000 }),
    });
    console.log(`${packets} packets in ${states} states`);
  },
  minutes * 60_000 + SHRINK_MS + 150_000,
);

async function trial(state: Traffic): Promise<{ packets: number; texts: string[] }> {
  const planner = new Planner(state.node, defaultPlanOptions);
  planner.apply(state.changes);
  const plan = planner.update();
  const packets = packetsOf(state, plan);
  return { packets: packets.length, texts: await disagreements(stage, plan, state.node, packets) };
}
