import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeFacts } from '../../test/generators/build.ts';
import { factChange, thisNode } from '../../test/generators/facts.ts';
import type { FactChange } from '../model/facts.ts';
import type { NodeFacts } from '../model/node.ts';
import { canonicalPlan } from '../plan/canonical.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { segmentsIn } from './folder.ts';
import { instantAt } from './instant.ts';
import { Journal } from './journal.ts';
import { Recorder } from './recorder.ts';

/** What happens to an agent. `fail`: the kernel refuses what was planned, so the plan before stays in force. */
type Step =
  | { readonly kind: 'change'; readonly changes: readonly FactChange[] }
  | { readonly kind: 'node'; readonly node: NodeFacts }
  /** `during`: what is delivered while the kernel is written. */
  | { readonly kind: 'converge'; readonly isDone: boolean; readonly during: readonly FactChange[] }
  | { readonly kind: 'write' }
  | { readonly kind: 'pass'; readonly milliseconds: number }
  | { readonly kind: 'set-back'; readonly milliseconds: number }
  | { readonly kind: 'restart'; readonly isClean: boolean };

const changes = fc.array(factChange, { minLength: 1, maxLength: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: changes.map((some) => ({ kind: 'change' as const, changes: some })) },
  { weight: 1, arbitrary: thisNode.map((node) => ({ kind: 'node' as const, node })) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.nat(4), fc.oneof(fc.constant([]), changes))
      .map(([fate, during]) => ({ kind: 'converge' as const, isDone: fate > 0, during })),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'write' as const }) },
  { weight: 3, arbitrary: fc.nat(5000).map((milliseconds) => ({ kind: 'pass' as const, milliseconds })) },
  { weight: 1, arbitrary: fc.constant({ kind: 'set-back' as const, milliseconds: 3_600_000 }) },
  { weight: 1, arbitrary: fc.boolean().map((isClean) => ({ kind: 'restart' as const, isClean })) },
);

/** An agent as far as the journal sees it. */
class World {
  readonly folder = mkdtempSync(join(tmpdir(), 'knat-journal-'));
  readonly limit: number;
  node: NodeFacts = nodeFacts();
  facts = new Map<string, FactChange>();
  now = Date.parse('2026-11-01T00:00:00Z');
  steady = 0;
  planner = this.#planner();
  recorder = this.#recorder();
  journal = this.#journal();
  /** The plans that came into force, with their times, and those that were written since. */
  readonly inForce: { readonly at: number; readonly plan: string; isWritten: boolean }[] = [];

  constructor(limit = 64 << 20) {
    this.limit = limit;
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'change':
        this.#deliver(step.changes);
        break;
      case 'node':
        this.node = step.node;
        this.planner.setNode(step.node);
        break;
      case 'converge': {
        this.recorder.converging();
        this.planner.update();
        const plan = planText(this.planner);
        this.#deliver(step.during);
        if (!step.isDone) break;
        if (this.recorder.converged()) this.inForce.push({ at: this.now, plan, isWritten: false });
        break;
      }
      case 'write':
        await this.write();
        break;
      case 'pass':
        this.now += step.milliseconds;
        this.steady += step.milliseconds;
        break;
      case 'set-back':
        this.now -= step.milliseconds;
        break;
      case 'restart':
        if (step.isClean) {
          await this.journal.end({ at: this.now, steady: this.steady });
          for (const one of this.inForce) one.isWritten = true;
        }
        await this.journal.close(); // otherwise what was not written is lost
        for (let at = this.inForce.length - 1; at >= 0; at--) {
          if (!this.inForce[at]?.isWritten) this.inForce.splice(at, 1);
        }
        this.planner = this.#planner();
        this.planner.apply(this.facts.values());
        this.recorder = this.#recorder();
        this.journal = this.#journal();
        break;
      default:
        step satisfies never;
    }
  }

  async write(): Promise<void> {
    await this.journal.write();
    for (const one of this.inForce) one.isWritten = true;
  }

  #deliver(some: readonly FactChange[]): void {
    this.recorder.delivered(some);
    this.planner.apply(some);
    for (const change of some) this.facts.set(`${change.kind} ${change.key}`, change);
  }

  #planner(): Planner {
    return new Planner(this.node, defaultPlanOptions);
  }

  #recorder(): Recorder {
    return new Recorder(this.planner, () => ({ at: this.now, steady: this.steady }));
  }

  #journal(): Journal {
    const { folder, limit, recorder } = this;
    return new Journal({
      folder,
      limit,
      recorder,
      options: defaultPlanOptions,
      version: '1',
      tryLock: () => true,
    });
  }
}

function planText(planner: Planner): string {
  return JSON.stringify([canonicalPlan(planner.plan), [...planner.plan.conflicts].sort(), planner.heldNode]);
}

/** The last plan in force whose time is not after this one. */
function expected({ inForce }: World, at: number): string | undefined {
  return inForce.filter((one) => one.at <= at).at(-1)?.plan;
}

async function withWorld(check: (world: World) => Promise<void>, limit?: number): Promise<void> {
  const world = new World(limit);
  try {
    await check(world);
  } finally {
    await world.journal.close();
    rmSync(world.folder, { recursive: true });
  }
}

test('the plan of any past moment is the plan that was in force then', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), fc.nat(), (steps, seed) =>
      withWorld(async (world) => {
        for (const one of steps) await world.take(one);
        await world.write();
        const first = (await segmentsIn(world.folder))[0]?.startedAt ?? null;
        if (first === null) return;
        const times = world.inForce.flatMap(({ at }, index) => [at, at + ((seed + index) % 700)]);
        for (const at of times) {
          if (at < first) continue;
          const { planner } = await instantAt(world.folder, { at });
          expect(planText(planner)).toBe(expected(world, at));
        }
      }),
    ),
    { numRuns: 150 },
  );
}, 120_000);

test('a segment that was torn anywhere has every whole record before the tear', async () => {
  const steady = step.filter(({ kind }) => kind === 'change' || kind === 'converge' || kind === 'pass');
  await fc.assert(
    fc.asyncProperty(
      fc.array(steady, { minLength: 20, maxLength: 40, size: 'max' }),
      fc.nat(),
      (steps, tear) =>
        withWorld(async (world) => {
          for (const one of steps) {
            await world.take(one);
            await world.write();
          }
          const [file] = await segmentsIn(world.folder);
          const [begin] = world.inForce;
          if (file === undefined || begin === undefined) return;
          const whole = readFileSync(file.path);
          const last = await instantAt(world.folder, { at: world.now });
          // A segment has its name once its first state is whole, so nothing of that state is torn.
          const known = new Set(world.inForce.map(({ plan }) => plan));
          for (let cut = 0; cut < 5; cut++) {
            const left = whole.subarray(0, whole.length - ((tear * (cut + 1)) % 400));
            writeFileSync(file.path, left);
            const torn = await instantAt(world.folder, { at: world.now }).catch((error: unknown) => error);
            if (torn instanceof Error) continue; // the tear is in the first state
            const { planner, position } = torn as Awaited<ReturnType<typeof instantAt>>;
            expect(known.has(planText(planner))).toBe(true);
            expect(Number(position.split('.')[1])).toBeLessThanOrEqual(Number(last.position.split('.')[1]));
          }
        }),
    ),
    { numRuns: 60 },
  );
}, 120_000);
