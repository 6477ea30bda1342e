import type { FactChange } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';

/** Where a source delivers what it reads. Calls are synchronous and cheap: the receiver only marks what is dirty. */
export interface SourceSink {
  /** The current values of objects that changed; repeated and reordered changes are harmless. */
  apply(changes: readonly FactChange[]): void;
  /** All problems of one origin (a file, an object), replacing those reported for it before; empty when mended. */
  report(origin: string, problems: readonly Finding[]): void;
  /** Reading this part of the source failed and is begun again: no problem unless one is reported too. */
  interrupted?(what: string): void;
  /** A trouble of the source as a whole that was reported is over: a line for people. */
  restored?(message: string): void;
  /** Called once: everything that existed at the start has been applied. */
  synced(): void;
}

/** Reads objects from somewhere and keeps the sink up to date. */
export interface Source {
  /** For messages: `dir:PATH`, `kubernetes`. */
  readonly name: string;
  /**
   * Runs until the signal aborts, then resolves. Rejects only when the source can never work (a path that is
   * not a folder); whatever can heal is reported to the sink and retried.
   */
  run(sink: SourceSink, signal: AbortSignal): Promise<void>;
}
