import type { Terminal } from './terminal.ts';

/** What the commands need of the process; only `main` knows the process itself. */
export interface Context {
  /** Of knat, as package.json has it. */
  readonly version: string;
  readonly terminal: Terminal;
  /** The node that this machine is when nothing else says so. */
  readonly defaultNode: string;
  readonly readInput: () => Promise<string>;
  /** The status that the process will end with when no error is thrown: an ExitCode, or that of another program run by us. */
  exit: number;
  /** Stack traces are wanted. */
  debug: boolean;
}
