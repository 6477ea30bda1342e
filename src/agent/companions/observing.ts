import { type Finding, formatFinding } from '../../model/finding.ts';
import { isNoticeCode } from '../../model/finding-codes.ts';
import type { Activity } from '../../observe/activity.ts';
import type { AgentFacts, Companion, CompanionFactory, PlanInForce } from '../companion.ts';
import { reportOnScrape } from './observing/on-scrape.ts';
import { PlanFindings } from './observing/plan-findings.ts';
import { ProxyNames } from './observing/proxy-names.ts';

/** Metrics, recent activity, history. Its cost depends on the changes, not on the plan, except the first time. */
export const observing: CompanionFactory = (agent) => new Observing(agent);

class Observing implements Companion {
  readonly name = 'metrics and recent activity';
  readonly #agent: AgentFacts;
  readonly #proxyNames: ProxyNames;
  readonly #findings = new PlanFindings();
  /** Milliseconds since the epoch; 0: not yet. */
  #convergedAt = 0;
  #isDisturbed = false;
  #isFailing = false;

  constructor(agent: AgentFacts) {
    this.#agent = agent;
    this.#proxyNames = new ProxyNames(agent.observations.metrics, agent.surroundings);
    reportOnScrape(agent);
    agent.observations.metrics.collect('knat_last_converge_timestamp_seconds', (set) =>
      set({}, this.#convergedAt / 1000),
    );
    this.#note('started', 'info', 'the agent started');
  }

  async serve(signal: AbortSignal): Promise<void> {
    this.#agent.observations.metrics.watchLoop(signal);
  }

  synced(): void {
    this.#note('synced', 'info', 'the source delivered everything that exists');
  }

  delivered(changes: Parameters<NonNullable<Companion['delivered']>>[0]): void {
    const { metrics } = this.#agent.observations;
    const counts = new Map<string, number>();
    for (const { kind } of changes) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    for (const [kind, count] of counts) metrics.increment('knat_source_changes_total', { kind }, count);
    this.#proxyNames.delivered(changes);
  }

  interrupted(resource: string): void {
    this.#agent.observations.metrics.increment('knat_source_interruptions_total', { resource });
  }

  found(findings: readonly Finding[]): void {
    for (const finding of findings) {
      if (isNoticeCode(finding.code)) continue; // `changed` records all notices
      const severity = finding.severity === 'note' ? 'info' : finding.severity;
      this.#note('problem', severity, formatFinding(finding), finding.object);
    }
  }

  /** Notices of the plan are recorded only once it is in force. */
  changed(): void {
    const { reportedRevision, planner, findings } = this.#agent;
    if (reportedRevision === planner.plan.revision) this.#add(this.#findings.updateNotices(findings));
  }

  disturbed(what: string): void {
    this.#isDisturbed = true;
    this.#agent.observations.metrics.increment('knat_foreign_changes_total', {});
    this.#proxyNames.queued();
    this.#note('disturbed', 'warning', `something else changed the tables of knat: ${what}`);
  }

  converging(): void {
    this.#proxyNames.converging();
  }

  failed({ message, milliseconds }: { message: string; milliseconds: number }): void {
    const { metrics, history } = this.#agent.observations;
    metrics.observe('knat_converge_duration_seconds', { outcome: 'failure' }, milliseconds / 1000);
    history.failed(this.#now());
    this.#proxyNames.failed();
    this.#isFailing = true;
    this.#note('failed', 'error', `programming the kernel failed: ${message}`);
  }

  converged(outcome: PlanInForce): void {
    const { report, milliseconds, plan, changed } = outcome;
    const { elementsAdded, elementsDeleted, skeleton } = report;
    const { metrics, history } = this.#agent.observations;
    metrics.observe('knat_converge_duration_seconds', { outcome: 'success' }, milliseconds / 1000);
    this.#convergedAt = this.#now();
    metrics.increment('knat_elements_changed_total', { operation: 'add' }, elementsAdded);
    metrics.increment('knat_elements_changed_total', { operation: 'delete' }, elementsDeleted);
    if (skeleton !== 'kept') metrics.increment('knat_skeleton_loads_total', { how: skeleton });
    history.succeeded(this.#convergedAt, milliseconds, elementsAdded, elementsDeleted);
    this.#tellOutcome(outcome);
    this.#proxyNames.converged(outcome);
    this.#add(this.#findings.updateConflicts(plan, changed));
    this.#add(this.#findings.updateNotices(this.#agent.findings));
  }

  #add(activities: readonly Activity[]): void {
    for (const { kind, severity, message, object } of activities) this.#note(kind, severity, message, object);
  }

  #tellOutcome({ report, milliseconds }: PlanInForce): void {
    const { elementsAdded, elementsDeleted, skeleton } = report;
    const hasWritten = elementsAdded + elementsDeleted > 0 || skeleton !== 'kept';
    const what = `${elementsAdded} elements added, ${elementsDeleted} deleted, tables ${skeleton}, in ${milliseconds.toFixed(1)} ms`;
    if (this.#isFailing) this.#note('recovered', 'info', `the kernel matches again: ${what}`);
    else if (this.#isDisturbed && hasWritten) this.#note('healed', 'info', `mended: ${what}`);
    else if (hasWritten) this.#note('programmed', 'info', what);
    if (this.#isDisturbed && hasWritten) {
      this.#agent.observations.metrics.increment('knat_heals_total', {});
    }
    this.#isFailing = false;
    this.#isDisturbed = false;
  }

  #note(
    kind: Activity['kind'],
    severity: Activity['severity'],
    message: string,
    object: Activity['object'] = null,
  ): void {
    const at = this.#agent.surroundings.wallClock().toISOString();
    this.#agent.observations.activity.add({ kind, severity, message, object }, at);
  }

  #now(): number {
    return this.#agent.surroundings.wallClock().getTime();
  }
}
