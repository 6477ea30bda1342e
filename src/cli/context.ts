import type { Terminal } from './terminal.ts';

/** The process as the commands see it; only `main` accesses the process itself. */
export interface Context {
  readonly version: string;
  readonly terminal: Terminal;
  /** This machine's node, unless an option says otherwise. */
  readonly defaultNode: string;
  readonly readInput: () => Promise<string>;
  /** Exit status if no error is thrown: an ExitCode, or the status of a program that knat ran. */
  exit: number;
  /** Milliseconds to wait for an answer of the agent; undefined: the client's own limit. */
  answerLimit?: number;
  /** Print stack traces. */
  debug: boolean;
}
