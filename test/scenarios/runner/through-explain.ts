import { isDeepStrictEqual } from 'node:util';
import type { Walk } from '../../../src/explain/walk.ts';
import { canonicalPlan } from '../../../src/plan/canonical.ts';
import { aboutOf, type Failure, packetFailures, planFailures, type SeenFate } from './judge.ts';
import type { Packet, Scenario } from './scenario.ts';
import { ask, castOf } from './scene.ts';
import { World } from './world.ts';

/** The differences between the scenario and the answers of plan and `explain`. Throws ScenarioInvalid. */
export async function failuresOfExplain(scenario: Scenario): Promise<Failure[]> {
  const cast = await castOf(scenario);
  const world = await World.of(scenario);
  const failures: Failure[] = [];
  let before: unknown = [];
  for (const step of scenario.steps) {
    world.take(step);
    const plan = canonicalPlan(world.planner.plan);
    if (step.unchanged && !isDeepStrictEqual(plan, before)) {
      const message = 'unchanged: expected the plan of the step before, is another one';
      failures.push({ origin: step.origin, about: step.name, message });
    }
    before = plan;
    failures.push(...planFailures(world, step));
    for (const packet of step.packets) {
      const asked = ask(world, cast, packet);
      if (typeof asked === 'string') {
        failures.push({ origin: packet.origin, about: aboutOf(step, packet), message: asked });
      } else failures.push(...packetFailures(world, step, packet, foretold(asked.walk, packet)));
    }
  }
  return failures;
}

/** The result that the walk predicts. */
function foretold(walk: Walk, { asPort }: Packet): SeenFate {
  const { packet, paths, unknown } = walk;
  const ports = paths.map(({ snat, snatPort }) => {
    if (snat !== null && snatPort !== null) return snatPort;
    return typeof asPort === 'number' && packet.sourcePort !== undefined
      ? packet.sourcePort
      : ('same' as const);
  });
  return {
    ...walk,
    masquerade: paths.some(({ snat }) => snat !== null),
    sticks: paths.length === 1 || unknown.includes('affinity'),
    ports,
  };
}
