/**
 * Random states of a node, and random packets: the kernel does with each what `walk` says.
 *
 * `KNAT_RANDOM_RUNS` is the number of states; with `KNAT_RANDOM_MINUTES`, so many again and again for that time;
 * `KNAT_RANDOM_SEED` repeats a run, with `KNAT_RANDOM_PATH` only its counterexample. A failure is shrunk for a minute
 * and printed with its seed.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import type { Step } from '../../src/explain/step.ts';
import { walk } from '../../src/explain/walk.ts';
import type { NatPlan } from '../../src/plan/nat-plan.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { portOf } from '../generators/build.ts';
import { shrinkFor } from '../generators/shrink-for.ts';
import { packetsOf, type Traffic, traffic } from '../generators/traffic.ts';
import { type Dialled, Stage } from '../netns/stage.ts';
import { disagreements } from './agreement.ts';

const runs = Number(process.env.KNAT_RANDOM_RUNS ?? 30);
const minutes = Number(process.env.KNAT_RANDOM_MINUTES ?? 0);
const seed = process.env.KNAT_RANDOM_SEED;
const path = process.env.KNAT_RANDOM_PATH;
const SHRINK_MS = 60_000;

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.build();
});

afterAll(() => stage.dispose());

test(
  'the kernel does what walk says',
  async () => {
    const tally = new Map<string, number>();
    const until = Date.now() + minutes * 60_000;
    do {
      await fc.assert(agreement(tally), {
        numRuns: runs,
        ...(seed === undefined ? {} : { seed: Number(seed) }),
        ...(path === undefined ? {} : { path }),
      });
    } while (Date.now() < until);
    console.log(
      [...tally]
        .sort()
        .map(([rule, count]) => `${rule}: ${count}`)
        .join('\n'),
    );
  },
  minutes * 60_000 + SHRINK_MS + 300_000,
);

/** Programs each state and sends its packets. */
function agreement(tally: Map<string, number>) {
  const agrees = async (state: Traffic): Promise<void> => {
    const planner = new Planner(state.node, defaultPlanOptions);
    planner.apply(state.changes);
    const plan = planner.update();
    const packets = packetsOf(state, plan);
    for (const rule of packets.flatMap((packet) => rulesOf(plan, state, packet))) {
      tally.set(rule, (tally.get(rule) ?? 0) + 1);
    }
    const texts = await disagreements(stage, plan, state.node, packets);
    if (texts.length > 0) throw new Error(texts.join('\n'));
  };
  return fc.asyncProperty(traffic, shrinkFor(SHRINK_MS, agrees));
}

/** What the walk of a packet meets, to see how much the packets cover. */
function rulesOf(plan: NatPlan, { node }: Traffic, packet: Dialled): string[] {
  const { source, address: destination, protocol } = packet;
  const { steps, paths } = walk(plan, node, { source, destination, protocol, port: portOf(packet.port) });
  const all = [...steps, ...(paths[0]?.steps ?? [])];
  const hairpin = paths.some((path) => path.steps.some(({ rule }) => rule === 'hairpin'));
  return [...new Set([...all.map(nameOf), ...(hairpin ? ['hairpin'] : [])])];
}

function nameOf(step: Step): string {
  const name = `${step.rule} ${step.verdict}`;
  return step.rule === 'service-frontend' ? `${name}, ${step.origin}, ${step.reach}` : name;
}
