import { join } from 'node:path';
import { type Running, startKnat } from '../cli/knat.ts';

const MAIN = join(process.cwd(), 'dist/start/start.cjs');
/** Milliseconds for a start on a busy machine. */
const START = 45_000;

export interface SpawnOptions {
  /** Command line before the agent's: `['strace', …]`. It must end with the agent. */
  readonly through?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** The agent of the node: the built program, in a process of its own. What it logs is in `errors`. */
export class NodeAgent {
  readonly #args: () => readonly string[];
  readonly #environment: Readonly<Record<string, string>>;
  #running: Running | null = null;
  #hasEnded: Promise<string> = Promise.resolve('');
  /** Resolves when this process has programmed the plan once. */
  #isInForce: Promise<void> = Promise.resolve();
  starts = 0;

  constructor(args: () => readonly string[], environment: Readonly<Record<string, string>>) {
    this.#args = args;
    this.#environment = environment;
  }

  /** Starts it, and does not wait until it works. */
  spawn({ through = [], environment = {} }: SpawnOptions = {}): void {
    if (this.isRunning) throw new Error('an agent runs already');
    const running = startKnat(['agent', ...this.#args(), '--log-format', 'json'], {
      main: MAIN,
      through,
      environment: { ...this.#environment, ...environment },
    });
    this.starts++;
    this.#running = running;
    this.#isInForce = running.errorsHave('"programmed"');
    this.#isInForce.catch(() => {});
    this.#hasEnded = running.ended.then(({ errors }) => {
      if (this.#running === running) this.#running = null;
      return errors;
    });
  }

  /** Waits until the process has programmed a plan. Rejects when it ends before. */
  async inForce(): Promise<void> {
    if (!this.isRunning) throw new Error(`no agent runs: ${lastLines(await this.#hasEnded)}`);
    const late = setTimeout(() => {}, START);
    await this.#isInForce.finally(() => clearTimeout(late));
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

  /** Waits until it has ended by itself; returns what it logged. */
  async ended(): Promise<string> {
    return await this.#hasEnded;
  }
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-5).join('\n');
}
