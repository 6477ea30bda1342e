import { expect, test } from 'vitest';
import type { AgentFacts } from '../../src/agent/companion.ts';
import { PacketTraces } from '../../src/agent/packet-traces.ts';
import { timers } from '../../src/base/wake.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { until } from '../flows/flows-stage.ts';
import { nodeFacts } from '../generators/build.ts';
import { enterFreshNamespace, listRuleset } from '../netns/namespace.ts';

test('a client that never reads holds no trace beyond its time', async () => {
  enterFreshNamespace();
  const planner = new Planner(nodeFacts({}), defaultPlanOptions);
  planner.update();
  const surroundings = { ...timers, now: () => performance.now(), wallClock: () => new Date() };
  const traces = new PacketTraces({ planner, surroundings } as unknown as AgentFacts);
  const question = { from: '10.0.0.1', to: '10.0.0.2:80', seconds: '1' };
  traces.trace(question, new AbortController().signal);
  expect(listRuleset()).toContain('knat_trace');
  await until(async () => !listRuleset().includes('knat_trace'));
  await traces.trace(question, AbortSignal.abort());
});
