import { join } from 'node:path';
import { type Running, startKnat } from '../cli/knat.ts';

/** The built program. */
export const MAIN = join(process.cwd(), 'dist/start/start.cjs');

export interface SpawnOptions {
  /** Command line before the agent's: `['strace', …]`. It must end with the agent. */
  readonly through?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** The agent of the node: the built program, in a process of its own. What it logs is in `errors`. */
export class NodeAgent {
  /** The options of `knat agent`. */
  readonly args: () => readonly string[];
  readonly #environment: Readonly<Record<string, string>>;
  #running: Running | null = null;
  #hasEnded: Promise<string> = Promise.resolve('');
  /** Resolves when this process has programmed the plan once. */
  #inForce: Promise<void> = Promise.resolve();
  /** This process has programmed a plan. */
  isInForce = false;
  starts = 0;

  constructor(args: () => readonly string[], environment: Readonly<Record<string, string>>) {
    this.args = args;
    this.#environment = environment;
  }

  /** Starts it, and does not wait until it works. */
  spawn({ through = [], environment = {} }: SpawnOptions = {}): void {
    if (this.isRunning) throw new Error('an agent runs already');
    const running = startKnat(['agent', ...this.args(), '--log-format', 'json'], {
      main: MAIN,
      through,
      environment: { ...this.#environment, ...environment },
    });
    this.starts++;
    this.#running = running;
    this.isInForce = false;
    this.#inForce = running.errorsHave('"programmed"').then(() => {
      if (this.#running === running) this.isInForce = true;
    });
    this.#inForce.catch(() => {});
    this.#hasEnded = running.ended.then(({ errors }) => {
      if (this.#running === running) this.#running = null;
      return errors;
    });
  }

  /** Waits until the process has programmed a plan. Rejects when it ends before. */
  async inForce(): Promise<void> {
    if (!this.isRunning) throw new Error(`no agent runs: ${lastLines(await this.#hasEnded)}`);
    await this.#inForce;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  /** Of the process, or of the one that started it (`through`). Throws when none runs. */
  get pid(): number {
    const pid = this.#running?.process.pid;
    if (pid === undefined) throw new Error('no agent runs');
    return pid;
  }

  /** False when it has ended before. */
  signal(name: NodeJS.Signals): boolean {
    return this.#running?.process.kill(name) ?? false;
  }

  /** Ends it, if it runs, and returns what it logged. */
  async end(name: NodeJS.Signals): Promise<string> {
    this.signal(name);
    return await this.#hasEnded;
  }

  /** The last lines of its log, for a report. It is ended for that, so that all of them are there. */
  async logEnd(): Promise<string> {
    return lastLines(await this.end('SIGTERM'));
  }

  /** Waits until it has ended by itself; returns what it logged. */
  async ended(): Promise<string> {
    return await this.#hasEnded;
  }
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-30).join('\n');
}
