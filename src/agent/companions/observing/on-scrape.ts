import type { Notice } from '../../../plan/fragment.ts';
import type { AgentFacts } from '../../companion.ts';

/** Every reason of a notice, so that those that are not there are 0. */
const REASONS = {
  NatInvalid: true,
  NatRestricted: true,
  NatNoPublicAddress: true,
  NatAddressNotLocal: true,
  NatHostNetwork: true,
  NatHostPortInUse: true,
  NatBlockedByFirewall: true,
  NatPoolOverridden: true,
} as const satisfies Record<Notice['reason'], true>;

/** What is looked up when somebody asks, since keeping it would cost more than looking. */
export function reportOnScrape(agent: AgentFacts): void {
  const { observations, planner } = agent;
  const { metrics } = observations;
  metrics.collect('knat_build_info', (set) => {
    const { version, capabilities } = agent.status();
    set({ version, kernel: capabilities.kernel, nft: capabilities.nft }, 1);
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
    for (const reason of Object.keys(REASONS) as Notice['reason'][]) {
      set({ reason }, planner.plan.noticeCount(reason));
    }
  });
  metrics.collect('knat_problems', (set) => {
    const counts = new Map<string, { code: string; severity: 'error' | 'warning'; count: number }>();
    for (const { code, severity } of agent.status().problems) {
      const key = `${code} ${severity}`;
      counts.set(key, { code, severity, count: (counts.get(key)?.count ?? 0) + 1 });
    }
    for (const { code, severity, count } of counts.values()) set({ code, severity }, count);
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
