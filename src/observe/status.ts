import type { Capabilities, Report } from '../datapath/datapath.ts';
import type { Finding, Notice } from '../model/finding.ts';
import type { NoticeCode } from '../model/finding-codes.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import type { Conflict } from '../plan/claims.ts';
import { scopeKey } from '../plan/entry-key.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import type { EnabledKinds } from '../plan/options.ts';

/** What the plan holds, counted. */
export interface PlanCounts {
  readonly frontends: number;
  readonly bindings: number;
  readonly podSources: number;
  readonly pools: number;
}

/** What of kube-proxy is in the kernel beside our own Service NAT. */
export interface KubeProxyStatus {
  /** One line each. */
  readonly found: readonly string[];
  /** Seen without a break since then. */
  readonly since: string;
  /** How often this agent took its rules away before. */
  readonly removals: number;
}

/** The agent's own account of itself: `knat status -o json` and `GET /v1/status`. Times are RFC 3339. */
export interface AgentStatus {
  readonly version: string;
  /** Of the agent, in its own process namespace. */
  readonly processId: number;
  readonly node: string;
  readonly source: string;
  readonly enabled: EnabledKinds;
  readonly startedAt: string;
  /** Every source has delivered what existed at the start. */
  readonly synced: boolean;
  readonly capabilities: Capabilities;
  /** What the datapath last reported as done; null before the first report. */
  readonly programmed:
    | (Omit<Report, 'gone' | 'changedSources' | 'refused'> & {
        readonly at: string;
        readonly milliseconds: number;
      })
    | null;
  /** Why the kernel does not match the plan at the moment; null when it does. */
  readonly failure: { readonly message: string; readonly since: string } | null;
  /** kube-proxy at work beside this agent; null for none, and where Service NAT is off. */
  readonly kubeProxy: KubeProxyStatus | null;
  readonly counts: PlanCounts;
  readonly conflicts: readonly Conflict[];
  readonly notices: readonly NoticeForm[];
  readonly problems: readonly Finding[];
}

/** A notice in answers of the API. */
export interface NoticeForm extends Pick<Notice, 'object' | 'message'> {
  readonly reason: NoticeCode;
}

export function noticeForm({ code, object, message }: Notice): NoticeForm {
  return { reason: code, object, message };
}

export function countPlan(plan: NatPlan): PlanCounts {
  return {
    frontends: plan.count('ServiceFrontend'),
    bindings: plan.count('PodBinding'),
    podSources: plan.count('PodSource'),
    pools: FAMILIES.reduce((sum, family) => sum + poolsOf(plan, family), 0),
  };
}

/** Before the first update a plan has no scopes. */
function poolsOf(plan: NatPlan, family: Family): number {
  const scope = plan.entry(scopeKey(family));
  return scope?.kind === 'FamilyScope' ? scope.pools.length : 0;
}
