import { setMaxListeners } from 'node:events';
import type { Capabilities, Datapath, RefusedEntry, Report, Unread } from '../datapath/datapath.ts';
import type { Status } from '../forms/status.ts';
import { deepEqual } from '../model/equal.ts';
import { type Finding, findingOf, formatFinding } from '../model/finding.ts';
import { isNoticeCode } from '../model/finding-codes.ts';
import type { NodeFact, NodeFacts } from '../model/node.ts';
import type { Stranger } from '../observe/agent-sockets.ts';
import type { Api } from '../observe/api/route.ts';
import { apiOf } from '../observe/api/routes.ts';
import type { AgentView } from '../observe/api/view.ts';
import { serveAgent } from '../observe/api.ts';
import { Findings } from '../observe/findings.ts';
import type { HealthFacts } from '../observe/health.ts';
import type { Logger } from '../observe/logger.ts';
import { Observations } from '../observe/observations.ts';
import { countPlan, noticeForm, stateOf } from '../observe/status.ts';
import { Planner } from '../plan/planner.ts';
import { agentView } from './agent-view.ts';
import type { AgentFacts, AgentSurroundings, Companion, CompanionFactory, PlanInForce } from './companion.ts';
import { observing } from './companions/observing.ts';
import { ConvergeLoop, type LoopListener } from './converge-loop.ts';
import { collectGarbage, LARGE_CONVERGE } from './garbage.ts';
import { type HostFactSource, hostFactsOf } from './host-facts.ts';
import type { InterfaceAddresses } from './interface-addresses.ts';
import { KubeProxyGuard, type OtherProxy } from './kube-proxy-guard.ts';
import { composeNodeFacts } from './node-facts.ts';
import type { PlanSettings } from './settings.ts';
import { stillUnread, unreadIn } from './unread.ts';

/** What an agent is made of; the composition root puts real parts in, tests may put others. */
export interface AgentParts {
  readonly settings: PlanSettings;
  readonly datapath: Datapath;
  readonly interfaces: InterfaceAddresses;
  /** What else is found out about this machine. */
  readonly host: readonly HostFactSource[];
  /** Locks the network namespace for as long as the agent runs; throws where another agent has it. Absent: nothing is locked. */
  readonly lock?: () => { release(): void };
  readonly kubeProxy: OtherProxy;
  /** Take kube-proxy's rules away, instead of refusing beside them. */
  readonly replaceKubeProxy: boolean;
  readonly logger: Logger;
  readonly surroundings: AgentSurroundings;
  readonly version: string;
  /** Of the agent's process, for those who want to stop it. */
  readonly processId: number;
  /** What works beside NAT. */
  readonly companions: readonly CompanionFactory[];
}

/** What the kernel does not take of an object. */
const REFUSED = 'KNAT_ENTRY_REFUSED';

function problemOfRefused({ key, owner, errno }: RefusedEntry): Finding {
  const message = `${key} is not programmed: the kernel refuses it (${errno}); all else is, and it is tried again when it changes`;
  return findingOf(REFUSED, owner, message, { severity: 'error' });
}

/** With `once` so many failures in a row are the end; the waits between them sum up to about two seconds. */
const ONCE_ATTEMPTS = 5;

/**
 * The daemon of one node: source → plan → kernel → status, until told to stop. What is in the kernel stays when it
 * stops.
 */
export class Agent implements AgentFacts {
  readonly #parts: AgentParts;
  readonly planner: Planner;
  readonly observations: Observations;
  readonly view: AgentView;
  readonly api: Api;
  readonly findings: Findings;
  readonly #companions: readonly Companion[];
  readonly #loop: ConvergeLoop;
  readonly #startedAt: string;
  /** Null where Service NAT is off: kube-proxy may have it. */
  readonly #guard: KubeProxyGuard | null;
  #capabilities: Capabilities = { kernel: '' };
  #synced = false;
  /** What could not be read when the agent started, and not since, so that nobody knows what it wants. */
  #unreadSinceStart: Unread | null = null;
  #programmed: Status['programmed'] = null;
  #failure: Status['failure'] = null;
  /** Milliseconds since the epoch: when the kernel was last made to match, and when the present attempt began. */
  #matchedAt: number | null = null;
  #convergingSince: number | null = null;
  #takenOverAt: number | null = null;
  /** Revision of the plan that the datapath last reported as done. */
  #reportedRevision: number | null = null;
  #failuresInARow = 0;
  /** Called when the kernel matches for the first time. */
  #inForce: () => void = () => {};
  /** With `once`: told of the first success with null, or of the failure that ends the attempts. */
  #settled: (failure: unknown) => void = () => {};

  constructor(parts: AgentParts) {
    const { settings, datapath, surroundings, logger, replaceKubeProxy: replace } = parts;
    this.#parts = parts;
    this.#guard = settings.plan.enable.service
      ? new KubeProxyGuard(parts.kubeProxy, { replace, logger, surroundings })
      : null;
    this.#startedAt = surroundings.wallClock().toISOString();
    this.planner = new Planner(this.#nodeFacts(undefined), settings.plan);
    const listener: LoopListener = {
      converged: (report, milliseconds) => this.#converged(report, milliseconds),
      failed: (error, retryInMs, milliseconds) => this.#failed(error, retryInMs, milliseconds),
    };
    const options = () => ({ unread: this.#unreadSinceStart });
    const plan = () => {
      this.#convergingSince = surroundings.wallClock().getTime();
      this.#tell((companion) => companion.converging?.());
      return this.planner.update();
    };
    this.#loop = new ConvergeLoop(datapath, plan, surroundings, listener, options);
    this.findings = new Findings(this.planner.plan, (appeared) => this.#found(appeared));
    this.observations = new Observations({ kubeProxyNames: settings.plan.enable.service });
    this.view = agentView(this);
    this.#companions = [observing, ...parts.companions].map((companion) => companion(this));
    this.api = apiOf(
      this.view,
      this.#companions.flatMap(({ routes }) => (routes === undefined ? [] : [routes])),
    );
  }

  /**
   * Runs until the signal aborts; with `once`, until the kernel matches for the first time.
   * Throws what can never heal: no rights, a kernel that lacks something, another agent, kube-proxy that is not to be
   * replaced, a source that is none; with `once` also what did not heal within some attempts.
   */
  async run(signal: AbortSignal, { once = false } = {}): Promise<void> {
    const { settings, datapath, interfaces, host, logger, version } = this.#parts;
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    setMaxListeners(0, either); // everything that the agent does waits for it: more than ten is no leak
    const lock = this.#parts.lock?.();
    const cleanups: (() => void)[] = [() => lock?.release()];
    try {
      const server = await serveAgent(this.api, this.view);
      cleanups.push(() => server.close());
      this.findings.trouble('KNAT_AGENT_SOCKET', strangerText(server.stranger));
      for (const companion of this.#companions) void this.#runBeside(companion, 'serve', either);
      this.#capabilities = await datapath.probe(either);
      logger.info(
        { version, node: settings.nodeName, source: settings.source.name, ...this.#capabilities },
        'starting',
      );
      await this.#guard?.admit(either);
      const inForce = new Promise<void>((resolve) => {
        this.#inForce = resolve;
      });
      cleanups.push(
        datapath.watch((what) => {
          logger.warn({ what }, 'something else changed our tables; mending');
          this.#tell((companion) => companion.disturbed?.(what));
          this.#loop.trigger();
        }),
        interfaces.watch(() => this.#hostChanged()),
        ...host.map((source) =>
          source.watch(
            () => this.#hostChanged(),
            (code, message) => this.findings.trouble(code, message),
          ),
        ),
      );
      let failure: unknown = null;
      if (once) {
        this.#settled = (why) => {
          failure = why;
          stop.abort();
        };
      }
      void this.#tellOfLongWork(either);
      void inForce.then(() => this.#takeOver(once, either));
      for (const companion of this.#companions) void this.#runBeside(companion, 'run', either);
      await Promise.all([this.#runSource(either, stop), this.#loop.run(either)]);
      if (failure !== null) throw failure;
    } finally {
      stop.abort();
      for (const cleanup of cleanups) cleanup();
    }
    logger.info('stopped; the rules stay in the kernel');
  }

  status(): Status {
    const { settings, version } = this.#parts;
    const { plan } = this.planner;
    const conflicts = this.findings.conflicts();
    const notices = this.findings.notices().map(noticeForm);
    const problems = this.findings.problems();
    const account = {
      source: settings.source.name,
      synced: this.#synced,
      failure: this.#failure,
      findings: { conflicts: conflicts.length, notices: notices.length, problems: problems.length },
    };
    return {
      version,
      processId: this.#parts.processId,
      node: settings.nodeName,
      ...account,
      enabled: settings.plan.enable,
      startedAt: this.#startedAt,
      capabilities: this.#capabilities,
      programmed: this.#programmed,
      kubeProxy: this.#guard?.status ?? null,
      counts: countPlan(plan),
      state: stateOf(account),
      conflicts,
      notices,
      problems,
    };
  }

  /** What the health endpoints look at. */
  health(): HealthFacts {
    const { settings, surroundings } = this.#parts;
    const node = this.planner.nodes.get(settings.nodeName);
    return {
      now: surroundings.wallClock().getTime(),
      synced: this.#synced,
      programmedAt: this.#matchedAt,
      takenOverAt: this.#takenOverAt,
      failingSince: this.#failure === null ? null : Date.parse(this.#failure.since),
      convergingSince: this.#convergingSince,
      nodeEligible: !(node?.terminating || node?.excludedByAutoscaler),
    };
  }

  get settings(): PlanSettings {
    return this.#parts.settings;
  }

  get logger(): Logger {
    return this.#parts.logger;
  }

  get surroundings(): AgentSurroundings {
    return this.#parts.surroundings;
  }

  get reportedRevision(): number | null {
    return this.#reportedRevision;
  }

  tookOver(since: number | null): void {
    this.#takenOverAt = since;
  }

  #found(appeared: readonly Finding[]): void {
    for (const finding of appeared) {
      if (isNoticeCode(finding.code)) continue; // as many as objects: on the objects, and in recent activity
      this.#parts.logger[finding.severity === 'error' ? 'error' : 'warn'](formatFinding(finding));
    }
    if (appeared.length > 0) this.#tell((companion) => companion.found?.(appeared));
    this.#tellOfChange();
  }

  async #runBeside(companion: Companion, what: 'serve' | 'run', signal: AbortSignal): Promise<void> {
    try {
      await companion[what]?.(signal);
    } catch (error) {
      this.#companionFailed(companion.name, error);
    }
  }

  #tell(tell: (companion: Companion) => void): void {
    for (const companion of this.#companions) {
      try {
        tell(companion);
      } catch (error) {
        this.#companionFailed(companion.name, error);
      }
    }
  }

  #companionFailed(name: string, error: unknown): void {
    this.#parts.logger.error({ err: error }, `an error inside knat; NAT goes on: ${name}`);
  }

  #tellOfChange(): void {
    this.#tell((companion) => companion.changed?.());
  }

  async #runSource(signal: AbortSignal, stop: AbortController): Promise<void> {
    const { settings, logger } = this.#parts;
    try {
      await settings.source.run(
        {
          apply: (changes) => {
            this.#tell((companion) => companion.delivered?.(changes));
            this.planner.apply(changes);
            if (changes.some((change) => change.kind === 'Node' && change.key === settings.nodeName)) {
              this.#refreshNode();
            }
            this.#loop.trigger();
          },
          report: (origin, problems) => {
            this.findings.ofSource(origin, problems);
            this.#readAgain();
          },
          restored: (message) => logger.info({ source: settings.source.name }, message),
          interrupted: (what) => this.#tell((companion) => companion.interrupted?.(what)),
          synced: () => {
            this.#synced = true;
            logger.info({ source: settings.source.name }, 'in sync');
            this.#tell((companion) => companion.synced?.());
            this.#checkNode();
            this.#unreadSinceStart = unreadIn(this.findings.sourceProblems());
            if (this.#unreadSinceStart !== null) {
              logger.info(
                'some objects cannot be read; the rules that an earlier agent made for them are kept until they can',
              );
            }
            this.#loop.release();
          },
        },
        signal,
      );
    } catch (error) {
      stop.abort();
      throw error;
    }
  }

  /** Some of what could not be read since the start may have been mended. */
  #readAgain(): void {
    const before = this.#unreadSinceStart;
    if (before === null) return;
    const now = stillUnread(before, unreadIn(this.findings.sourceProblems()));
    if (deepEqual(before, now)) return;
    this.#unreadSinceStart = now;
    if (now === null) this.#parts.logger.info('all objects can be read again; removing leftover rules');
    this.#loop.trigger();
  }

  /** Tells what is being waited for until something is programmed: after 1 s, 2 s, 4 s, … */
  async #tellOfLongWork(signal: AbortSignal): Promise<void> {
    const { surroundings, logger, settings } = this.#parts;
    const start = surroundings.now();
    for (let wait = 1000; !signal.aborted && this.#programmed === null; wait *= 2) {
      await surroundings.sleep(wait, signal);
      if (signal.aborted || this.#programmed !== null || this.#failure !== null) return;
      const seconds = Math.round((surroundings.now() - start) / 1000);
      const what = this.#synced ? 'programming the kernel takes longer' : 'still reading the source';
      logger.info({ source: settings.source.name, seconds }, what);
    }
  }

  /** A wrong name of the node leaves the agent without Pods and pod CIDRs, which is hard to see from the outside. */
  #checkNode(): void {
    const { settings, logger } = this.#parts;
    const nodes = [...this.planner.nodes.keys()];
    if (nodes.length === 0 || nodes.includes(settings.nodeName)) return;
    logger.warn(
      { node: settings.nodeName, nodes: nodes.slice(0, 20) },
      'the source has Nodes, but none of this name: no Pod is taken for one of this node; is --node right?',
    );
  }

  #nodeFacts(object: NodeFact | undefined): NodeFacts {
    const { settings, interfaces, host } = this.#parts;
    const { nodeName, nodeConfig } = settings;
    return composeNodeFacts(nodeName, object, nodeConfig, interfaces.current(), hostFactsOf(host));
  }

  #hostChanged(): void {
    if (this.#refreshNode()) this.#loop.trigger();
  }

  /** Works the facts of this node out anew; true when they changed. */
  #refreshNode(): boolean {
    const facts = this.#nodeFacts(this.planner.nodes.get(this.#parts.settings.nodeName));
    if (deepEqual(facts, this.planner.node)) return false;
    this.planner.setNode(facts);
    return true;
  }

  #converged(report: Report, milliseconds: number): void {
    const { logger, surroundings } = this.#parts;
    const at = surroundings.wallClock().toISOString();
    const rounded = Math.round(milliseconds * 1000) / 1000;
    if (this.#failure !== null) logger.info('the kernel matches again');
    this.#failure = null;
    const { gone: _, changedSources: __, refused, ...told } = report;
    this.findings.give(REFUSED, refused.map(problemOfRefused));
    const { elementsAdded, elementsDeleted, skeleton } = told;
    if (elementsAdded + elementsDeleted > 0 || skeleton !== 'kept' || this.#programmed === null) {
      logger.info({ ...told, milliseconds: rounded }, 'programmed');
      this.#programmed = { ...told, at, milliseconds: rounded };
    }
    this.#matchedAt = surroundings.wallClock().getTime();
    this.#convergingSince = null;
    const keepsUnclaimed = this.#unreadSinceStart !== null;
    const { plan } = this.planner;
    const changed = this.#reportedRevision === null ? null : plan.changedSince(this.#reportedRevision);
    this.#reportedRevision = report.revision;
    const outcome: PlanInForce = { report, plan, changed, milliseconds, keepsUnclaimed };
    this.#tell((companion) => companion.converged?.(outcome));
    if (elementsAdded + elementsDeleted >= LARGE_CONVERGE) setImmediate(collectGarbage);
    this.#failuresInARow = 0;
    this.#tellOfChange();
    this.#inForce();
  }

  /** What waits until our rules are in force: the end of those of others, and with `once` our own. */
  async #takeOver(once: boolean, signal: AbortSignal): Promise<void> {
    let failure: unknown = null;
    try {
      await this.#guard?.takeOver(signal);
    } catch (error) {
      failure = error;
      this.#parts.logger.error({ err: error }, "kube-proxy's rules could not be taken away");
    }
    for (const companion of this.#companions) {
      try {
        await companion.inForce?.(signal);
      } catch (error) {
        if (signal.aborted) return;
        failure ??= error;
        this.#companionFailed(companion.name, error);
      }
    }
    if (once) this.#settled(failure);
    else await this.#guard?.watch(signal);
  }

  #failed(error: unknown, retryInMs: number, milliseconds: number): void {
    const { logger, surroundings } = this.#parts;
    const message = error instanceof Error ? error.message : String(error);
    this.#failure ??= { message, since: surroundings.wallClock().toISOString() };
    logger.error({ err: error, retryInMs: Math.round(retryInMs) }, 'programming the kernel failed');
    this.#convergingSince = null;
    this.#tell((companion) => companion.failed?.({ message, milliseconds }));
    this.#tellOfChange();
    if (++this.#failuresInARow === ONCE_ATTEMPTS) this.#settled(error);
  }
}

function strangerText(stranger: Stranger | null): string | null {
  if (stranger === null) return null;
  const { name, user } = stranger;
  return `user ${user ?? 'unknown'} holds the socket ${name}: the agent listens under another name, which the commands of knat find`;
}
