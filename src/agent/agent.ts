import { setMaxListeners } from 'node:events';
import type { Capabilities, Datapath, RefusedEntry, Report } from '../datapath/datapath.ts';
import type { Status } from '../forms/status.ts';
import { deepEqual } from '../model/equal.ts';
import { type Finding, findingOf, formatFinding } from '../model/finding.ts';
import { isNoticeCode } from '../model/finding-codes.ts';
import type { NodeFacts } from '../model/node.ts';
import type { Stranger } from '../observe/agent-sockets.ts';
import type { Api } from '../observe/api/route.ts';
import type { AgentView } from '../observe/api/view.ts';
import { serveAgent } from '../observe/api.ts';
import { Findings } from '../observe/findings.ts';
import type { HealthFacts } from '../observe/health.ts';
import type { Logger } from '../observe/logger.ts';
import { Observations } from '../observe/observations.ts';
import { countPlan, noticeForm, stateOf } from '../observe/status.ts';
import { Planner } from '../plan/planner.ts';
import { agentView } from './agent-view.ts';
import type { AgentFacts, AgentSurroundings, CompanionFactory, HostFacts, PastAnswers } from './companion.ts';
import { reachedLimits } from './companions/limits.ts';
import { observing } from './companions/observing.ts';
import { programmedLog } from './companions/programmed-log.ts';
import { Companions } from './companions.ts';
import { ConvergeLoop } from './converge-loop.ts';
import type { InterfaceAddresses } from './interface-addresses.ts';
import type { ServiceGuard } from './kube-proxy-guard.ts';
import { composeNodeFacts } from './node-facts.ts';
import { Progress } from './progress.ts';
import type { PlanSettings } from './settings.ts';
import { SourceIntake } from './source-intake.ts';
import { type TakenPortSource, takenPortsOf } from './taken-ports.ts';

/** The parts of an agent: real ones from the composition root, others in tests. */
export interface AgentParts {
  readonly settings: PlanSettings;
  readonly datapath: Datapath;
  readonly interfaces: InterfaceAddresses;
  readonly host: readonly TakenPortSource[];
  /** Throws if another agent holds the lock. Absent: no lock. */
  readonly lock?: () => { release(): void };
  /** Null where Service NAT is off; kube-proxy may then do it. */
  readonly guard: ServiceGuard | null;
  readonly logger: Logger;
  readonly surroundings: AgentSurroundings;
  readonly version: string;
  readonly processId: number;
  readonly companions: readonly CompanionFactory[];
}

/** Entries of one object that the kernel refuses. */
const REFUSED = 'KNAT_ENTRY_REFUSED';

function refusedFinding({ key, owner, errno }: RefusedEntry): Finding {
  const message = `${key} is not programmed: the kernel refuses it (${errno}); everything else is programmed, and knat tries again when the object changes`;
  return findingOf(REFUSED, owner, message, { severity: 'error' });
}

/** With `once`, the agent gives up after this many failures in a row; the waits between them add up to about two seconds. */
const ONCE_ATTEMPTS = 5;

/** The daemon of one node: source → plan → kernel → status. The rules stay in the kernel when it ends. */
export class Agent implements AgentFacts {
  readonly #parts: AgentParts;
  readonly settings: PlanSettings;
  readonly logger: Logger;
  readonly surroundings: AgentSurroundings;
  readonly planner: Planner;
  readonly observations: Observations;
  readonly findings: Findings;
  readonly view: AgentView;
  #api: Promise<Api> | null = null;
  readonly #companions: Companions;
  readonly #intake: SourceIntake;
  readonly #progress: Progress;
  readonly #loop: ConvergeLoop;
  #capabilities: Capabilities = { kernel: '' };
  #past: PastAnswers | null = null;
  #inForce: () => void = () => {};
  /** With `once`: called with null after the first success, or with the failure that ends the attempts. */
  #settled: (failure: unknown) => void = () => {};

  constructor(parts: AgentParts) {
    const { settings, datapath, surroundings, logger } = parts;
    this.#parts = parts;
    this.settings = settings;
    this.logger = logger;
    this.surroundings = surroundings;
    this.planner = new Planner(nodeFactsOf(parts), settings.plan);
    this.#companions = new Companions(logger);
    this.findings = new Findings(this.planner.plan, (appeared) => this.#found(appeared));
    this.#progress = new Progress(() => surroundings.wallClock());
    this.#intake = new SourceIntake({
      settings,
      planner: this.planner,
      findings: this.findings,
      companions: this.#companions,
      logger,
      nodeChanged: () => this.#refreshNode(),
      changed: () => this.#loop.trigger(),
      complete: () => this.#loop.release(),
    });
    this.#loop = new ConvergeLoop({
      datapath,
      surroundings,
      plan: () => this.#plan(),
      options: () => ({ unread: this.#intake.unread }),
      converged: (report, milliseconds) => this.#converged(report, milliseconds),
      failed: (error, retryInMs, milliseconds) => this.#failed(error, retryInMs, milliseconds),
    });
    this.observations = new Observations({ kubeProxyNames: settings.plan.enable.service });
    this.view = agentView(this, () => this.#past);
    this.#companions.set(
      [observing, programmedLog, reachedLimits, ...parts.companions].map((companion) => companion(this)),
    );
  }

  /**
   * Runs until the signal aborts; with `once`, until the kernel matches for the first time.
   * Throws on errors that no retry can fix: missing rights or kernel features, another agent, a kube-proxy that may not
   * be replaced, an unusable source; with `once` also after ONCE_ATTEMPTS failures.
   */
  async run(signal: AbortSignal, { once = false } = {}): Promise<void> {
    const { settings, datapath, logger, version } = this.#parts;
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    setMaxListeners(0, either); // every part of the agent listens to it: more than ten listeners are no leak
    const lock = this.#parts.lock?.();
    const cleanups: (() => void)[] = [() => lock?.release()];
    try {
      const server = await serveAgent(() => this.api(), this.view);
      cleanups.push(() => server.close());
      this.findings.trouble('KNAT_AGENT_SOCKET', strangerText(server.stranger));
      this.#companions.start('serve', either);
      this.#capabilities = await datapath.probe(either);
      logger.info(
        { version, node: settings.nodeName, source: settings.source.name, ...this.#capabilities },
        'starting',
      );
      await this.#parts.guard?.admit(either);
      const inForce = new Promise<void>((resolve) => {
        this.#inForce = resolve;
      });
      cleanups.push(...this.#watch(inForce));
      let failure: unknown = null;
      if (once) {
        this.#settled = (why) => {
          failure = why;
          stop.abort();
        };
      }
      void this.#logLongWork(either);
      void inForce.then(() => this.#takeOver(once, either));
      this.#companions.start('run', either);
      const source = this.#intake.run(either).catch((error: unknown) => {
        stop.abort();
        throw error;
      });
      await Promise.all([source, this.#loop.run(either)]);
      if (failure !== null) throw failure;
    } finally {
      stop.abort();
      for (const cleanup of cleanups) cleanup();
    }
    logger.info('stopped; the rules stay in the kernel');
  }

  async api(): Promise<Api> {
    this.#api ??= import('../observe/api/routes.ts').then(({ apiOf }) =>
      apiOf(this.view, this.#companions.routes),
    );
    return await this.#api;
  }

  status(): Status {
    const { settings, version, processId } = this.#parts;
    const { startedAt, programmed, failure } = this.#progress;
    const conflicts = this.findings.conflicts();
    const notices = this.findings.notices().map(noticeForm);
    const problems = this.findings.problems();
    const account = {
      source: settings.source.name,
      synced: this.#intake.isSynced,
      failure,
      findings: { conflicts: conflicts.length, notices: notices.length, problems: problems.length },
    };
    return {
      version,
      processId,
      node: settings.nodeName,
      ...account,
      enabled: settings.plan.enable,
      startedAt,
      capabilities: this.#capabilities,
      programmed,
      kubeProxy: this.#parts.guard?.status ?? null,
      counts: countPlan(this.planner.plan),
      state: stateOf(account),
      conflicts,
      notices,
      problems,
    };
  }

  host(): HostFacts {
    return hostFactsOf(this.#parts);
  }

  health(): HealthFacts {
    const node = this.planner.nodes.get(this.settings.nodeName);
    const nodeEligible = !(node?.terminating || node?.excludedByAutoscaler);
    return { ...this.#progress.health(), synced: this.#intake.isSynced, nodeEligible };
  }

  get past(): PastAnswers | null {
    return this.#past;
  }

  answerPast(answers: PastAnswers): void {
    this.#past = answers;
  }

  get reportedRevision(): number | null {
    return this.#progress.reportedRevision;
  }

  attempt(): void {
    this.#loop.trigger();
  }

  tookOver(since: number | null): void {
    this.#progress.takenOverAt = since;
  }

  /** Returns functions that stop watching. */
  #watch(inForce: Promise<void>): (() => void)[] {
    const { datapath, interfaces, host, logger } = this.#parts;
    const changed = () => {
      if (this.#refreshNode()) this.#loop.trigger();
    };
    return [
      datapath.watch((what) => {
        logger.warn({ what }, 'something else changed our tables; mending');
        this.#companions.tell((companion) => companion.disturbed?.(what));
        this.#loop.trigger();
      }),
      interfaces.watch(changed),
      ...host.map((source) =>
        source.watch(changed, (code, message) => this.findings.trouble(code, message), inForce),
      ),
    ];
  }

  /** True when the facts changed. */
  #refreshNode(): boolean {
    const facts = nodeFactsOf(this.#parts, this.planner);
    if (deepEqual(facts, this.planner.node)) return false;
    this.planner.setNode(facts);
    return true;
  }

  #found(appeared: readonly Finding[]): void {
    for (const finding of appeared) {
      if (isNoticeCode(finding.code)) continue; // there may be one for each object: Events and recent activity show them
      this.logger[finding.severity === 'error' ? 'error' : 'warn'](formatFinding(finding));
    }
    if (appeared.length > 0) this.#companions.tell((companion) => companion.found?.(appeared));
    this.#announceChange();
  }

  #announceChange(): void {
    this.#companions.tell((companion) => companion.changed?.());
  }

  /** After 1 s, 2 s, 4 s, … logs what the agent still waits for. */
  async #logLongWork(signal: AbortSignal): Promise<void> {
    const { surroundings, logger, settings } = this.#parts;
    const start = surroundings.now();
    for (let wait = 1000; !signal.aborted && this.#progress.programmed === null; wait *= 2) {
      await surroundings.sleep(wait, signal);
      const { programmed, failure } = this.#progress;
      if (signal.aborted || programmed !== null || failure !== null) return;
      const seconds = Math.round((surroundings.now() - start) / 1000);
      const isSynced = this.#intake.isSynced;
      const what = isSynced ? 'programming the kernel takes longer' : 'still reading the source';
      logger.info({ source: settings.source.name, seconds }, what);
    }
  }

  #plan() {
    this.#progress.began();
    this.#companions.tell((companion) => companion.converging?.());
    return this.planner.update();
  }

  #converged(report: Report, milliseconds: number): void {
    const { logger } = this;
    const { plan } = this.planner;
    const { failure, reportedRevision } = this.#progress;
    if (failure !== null) logger.info('the kernel matches again');
    this.#progress.succeeded(report, Math.round(milliseconds * 1000) / 1000);
    this.findings.give(REFUSED, report.refused.map(refusedFinding));
    const changed = reportedRevision === null ? null : plan.changedSince(reportedRevision);
    const keepsUnclaimed = this.#intake.unread !== null;
    this.#companions.tell((companion) =>
      companion.converged?.({ plan, changed, report, milliseconds, keepsUnclaimed }),
    );
    this.#announceChange();
    this.#inForce();
  }

  #failed(error: unknown, retryInMs: number, milliseconds: number): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#progress.failed(message);
    this.logger.error({ err: error, retryInMs: Math.round(retryInMs) }, 'programming the kernel failed');
    this.#companions.tell((companion) => companion.failed?.({ message, milliseconds }));
    this.#announceChange();
    if (this.#progress.failuresInARow === ONCE_ATTEMPTS) this.#settled(error);
  }

  /** Runs once our rules are in force: removes the rules of others; with `once`, ends the agent. */
  async #takeOver(once: boolean, signal: AbortSignal): Promise<void> {
    let failure: unknown = null;
    try {
      await this.#parts.guard?.takeOver(signal);
    } catch (error) {
      failure = error;
      this.logger.error({ err: error }, "kube-proxy's rules could not be removed");
    }
    const ofCompanions = await this.#companions.inForce(signal);
    failure ??= ofCompanions;
    if (once) this.#settled(failure);
    else await this.#parts.guard?.watch(signal);
  }
}

/** @param planner knows the Node object; absent: no Node is known yet */
function nodeFactsOf(parts: AgentParts, planner?: Planner): NodeFacts {
  const { nodeName, nodeConfig } = parts.settings;
  const { interfaces, taken } = hostFactsOf(parts);
  return composeNodeFacts(nodeName, planner?.nodes.get(nodeName), nodeConfig, interfaces, taken);
}

function hostFactsOf({ interfaces, host }: Pick<AgentParts, 'interfaces' | 'host'>): HostFacts {
  return { interfaces: interfaces.current(), taken: takenPortsOf(host) };
}

function strangerText(stranger: Stranger | null): string | null {
  if (stranger === null) return null;
  const { name, user } = stranger;
  return `user ${user ?? 'unknown'} holds the socket ${name}: the agent listens under another name, which the commands of knat find`;
}
