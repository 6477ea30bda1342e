import { timesReached } from '../../../limits/reached.ts';
import { LIMIT_NAMES } from '../../../limits/table.ts';
import type { Severity } from '../../../model/finding.ts';
import { eventOf, noticeCodes } from '../../../model/finding-codes.ts';
import type { AgentFacts } from '../../companion.ts';

/** Computing these metrics at each scrape costs less than updating them. */
export function reportOnScrape(agent: AgentFacts): void {
  const { observations, planner, findings } = agent;
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
    // A reason without notices is reported as 0.
    const counts = new Map<string, number>(Object.values(noticeCodes).map((reason) => [reason, 0]));
    for (const { code } of findings.notices())
      counts.set(eventOf(code), (counts.get(eventOf(code)) ?? 0) + 1);
    for (const [reason, count] of counts) set({ reason }, count);
  });
  metrics.collect('knat_problems', (set) => {
    const counts = new Map<string, { code: string; severity: Severity; count: number }>();
    for (const { code, severity } of findings.problems()) {
      const key = `${code} ${severity}`;
      counts.set(key, { code, severity, count: (counts.get(key)?.count ?? 0) + 1 });
    }
    for (const { code, severity, count } of counts.values()) set({ code, severity }, count);
  });
  metrics.collect('knat_state_last_success_timestamp_seconds', (set) => {
    for (const [store, heldAt] of observations.storesHeldAt) set({ store }, heldAt / 1000);
  });
  for (const limit of LIMIT_NAMES) {
    metrics.follow('knat_limit_reached_total', () => timesReached(limit), { limit });
  }
  metrics.collect('knat_source_synced', (set) => set({}, agent.status().synced ? 1 : 0));
  metrics.collect('knat_source_troubles', (set) => {
    set({}, findings.sourceProblems().filter(({ object }) => object === null).length);
  });
  metrics.collect('knat_failing_since_timestamp_seconds', (set) => {
    const { failure } = agent.status();
    set({}, failure === null ? 0 : Date.parse(failure.since) / 1000);
  });
}
