import type { Unread } from '../datapath/datapath.ts';
import { deepEqual } from '../model/equal.ts';
import type { FactChange, FactKind } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { Findings } from '../observe/findings.ts';
import type { Logger } from '../observe/logger.ts';
import type { Planner } from '../plan/planner.ts';
import type { SourceSink } from '../sources/source.ts';
import type { Companions } from './companions.ts';
import type { PlanSettings } from './settings.ts';

export interface IntakeParts {
  readonly settings: Pick<PlanSettings, 'source' | 'nodeName'>;
  readonly planner: Planner;
  readonly findings: Findings;
  readonly companions: Companions;
  readonly logger: Logger;
  readonly nodeChanged: () => void;
  /** Delivered values need planning. */
  readonly changed: () => void;
  /** Everything that existed at the start was delivered; the kernel may be written. */
  readonly complete: () => void;
}

/** Receives facts for the planner and problems for the findings, and tracks what cannot be read at the start. */
export class SourceIntake implements SourceSink {
  readonly #parts: IntakeParts;
  #isSynced = false;
  #unread: Unread | null = null;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** What has been unreadable since the agent started, so that its NAT is unknown. */
  get unread(): Unread | null {
    return this.#unread;
  }

  /** Runs until the signal aborts. Throws if the source can never work. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#parts.settings.source.run(this, signal);
  }

  apply(changes: readonly FactChange[]): void {
    const { settings, planner, companions, nodeChanged, changed } = this.#parts;
    companions.tell((companion) => companion.delivered?.(changes));
    planner.apply(changes);
    if (changes.some(({ kind, key }) => kind === 'Node' && key === settings.nodeName)) nodeChanged();
    changed();
  }

  report(origin: string, problems: readonly Finding[]): void {
    this.#parts.findings.ofSource(origin, problems);
    if (this.#unread !== null) this.#readAgain(this.#unread);
  }

  restored(message: string): void {
    this.#log(message);
  }

  interrupted(what: string): void {
    this.#parts.companions.tell((companion) => companion.interrupted?.(what));
  }

  synced(): void {
    const { findings, companions, logger, complete } = this.#parts;
    this.#isSynced = true;
    this.#log('in sync');
    companions.tell((companion) => companion.synced?.());
    this.#checkNode();
    this.#unread = unreadIn(findings.sourceProblems());
    if (this.#unread !== null) {
      logger.info(
        'some objects cannot be read; the rules that an earlier agent made for them are kept until they can',
      );
    }
    complete();
  }

  #readAgain(before: Unread): void {
    const { findings, logger, changed } = this.#parts;
    const now = stillUnread(before, unreadIn(findings.sourceProblems()));
    if (deepEqual(before, now)) return;
    this.#unread = now;
    if (now === null) logger.info('all objects can be read again; removing leftover rules');
    changed();
  }

  /** A wrong --node leaves the agent without Pods and pod CIDRs, which is hard to notice. */
  #checkNode(): void {
    const { settings, planner, logger } = this.#parts;
    const nodes = [...planner.nodes.keys()];
    if (nodes.length === 0 || nodes.includes(settings.nodeName)) return;
    logger.warn(
      { node: settings.nodeName, nodes: nodes.slice(0, 20) },
      'the source has Nodes, but none of this name, so no Pod counts as a Pod of this node; is --node right?',
    );
  }

  #log(message: string): void {
    this.#parts.logger.info({ source: this.#parts.settings.source.name }, message);
  }
}

/** What is unknown because of the errors among the problems; null: nothing. */
export function unreadIn(problems: readonly Finding[]): Unread | null {
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return null;
  const kinds = new Set<FactKind>();
  const sliceNamespaces = new Set<string>();
  let anything = false;
  for (const { code, object } of errors) {
    if (object !== null) kinds.add(object.kind);
    else if (code === 'KNAT_IP_MASQ_AGENT_CONFIG') kinds.add('IpMasqAgent');
    else anything = true;
    if (object?.kind === 'EndpointSlice') sliceNamespaces.add(object.namespace);
  }
  return { kinds: [...kinds].sort(), anything, sliceNamespaces: [...sliceNamespaces].sort() };
}

/** Null: nothing. Objects that became unreadable later keep their last good version. */
export function stillUnread(before: Unread | null, now: Unread | null): Unread | null {
  if (before === null || now === null) return null;
  const left: Unread = {
    kinds: before.kinds.filter((kind) => now.kinds.includes(kind)),
    anything: before.anything && now.anything,
    sliceNamespaces: before.sliceNamespaces.filter((namespace) => now.sliceNamespaces.includes(namespace)),
  };
  return left.anything || left.kinds.length > 0 ? left : null;
}
