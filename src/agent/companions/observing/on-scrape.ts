import type { Notice } from '../../../plan/fragment.ts';
import { reasonOfNotice } from '../../../status/kube/reasons.ts';
import type { AgentFacts } from '../../companion.ts';

/** What is looked up when somebody asks, since keeping it would cost more than looking. */
export function reportOnScrape(agent: AgentFacts): void {
  const { observations, planner } = agent;
  const { metrics } = observations;
  metrics.collect('knat_build_info', (set) => {
    const { version, capabilities } = agent.status();
    set({ version, kernel: capabilities.kernel }, 1);
  });
  metrics.collect('knat_plan_entries', (set) => {
    const { frontends, bindings, podSources, pools } = agent.status().counts;
    set({ kind: 'frontend' }, frontends);
    set({ kind: 'binding' }, bindings);
    set({ kind: 'source' }, podSources);
    set({ kind: 'address' }, planner.plan.count('ClusterAddress'));
    set({ kind: 'pool' }, pools);
  });
  metrics.collect('knat_conflicts', (set) => set({}, planner.plan.conflicts.size));
  metrics.collect('knat_notices', (set) => {
    // Every reason, so that those that are not there are 0.
    const counts = new Map<string, number>(Object.values(reasonOfNotice).map((reason) => [reason, 0]));
    for (const [found, reason] of Object.entries(reasonOfNotice) as [Notice['reason'], string][]) {
      counts.set(reason, (counts.get(reason) ?? 0) + planner.plan.noticeCount(found));
    }
    for (const [reason, count] of counts) set({ reason }, count);
  });
  metrics.collect('knat_problems', (set) => {
    const counts = new Map<string, { code: string; severity: 'error' | 'warning'; count: number }>();
    for (const { code, severity } of agent.status().problems) {
      const key = `${code} ${severity}`;
      counts.set(key, { code, severity, count: (counts.get(key)?.count ?? 0) + 1 });
    }
    for (const { code, severity, count } of counts.values()) set({ code, severity }, count);
  });
  metrics.collect('knat_state_last_success_timestamp_seconds', (set) => {
    for (const [store, heldAt] of observations.storesHeldAt) set({ store }, heldAt / 1000);
  });
  metrics.collect('knat_source_synced', (set) => set({}, agent.status().synced ? 1 : 0));
  metrics.collect('knat_source_troubles', (set) => {
    set({}, agent.problemsToTell().filter(({ object }) => object === null).length);
  });
  metrics.collect('knat_failing_since_timestamp_seconds', (set) => {
    const { failure } = agent.status();
    set({}, failure === null ? 0 : Date.parse(failure.since) / 1000);
  });
}
