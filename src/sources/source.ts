import type { FactChange } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';

/** Receives what a source reads. Calls are synchronous and cheap: the receiver only marks what changed. */
export interface SourceSink {
  /** Repeated and reordered changes are harmless. */
  apply(changes: readonly FactChange[]): void;
  /** All problems of one origin (a file, an object), replacing the earlier ones; empty when solved. */
  report(origin: string, problems: readonly Finding[]): void;
  /** Reading this part failed and is restarted: no problem unless one is reported too. */
  interrupted?(what: string): void;
  /** A reported problem of the whole source is over. */
  restored?(message: string): void;
  /** Called once: all objects that existed at the start have been applied. */
  synced(): void;
}

/** Reads objects and keeps the sink up to date. */
export interface Source {
  /** For messages: `dir:PATH`, `kubernetes`. */
  readonly name: string;
  /**
   * Runs until the signal aborts, then resolves. Rejects only when the source can never work (a path that is not a
   * folder); other failures are reported to the sink and retried.
   */
  run(sink: SourceSink, signal: AbortSignal): Promise<void>;
}
