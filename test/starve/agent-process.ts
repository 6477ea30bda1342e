import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/start/start.cjs', import.meta.url));
const TURNS = fileURLToPath(new URL('turns.cjs', import.meta.url));
/** As in bin/knat. */
const FLAGS = ['--v8-pool-size=1', '--max-semi-space-size=2', '--max-old-space-size=2000'];

/** The most of each since the last question. Times in milliseconds. */
export interface Strain {
  /** Processor time of the main thread in one turn of the event loop. */
  readonly turn: number;
  /** The same by the clock, with the time for which the machine did other things. */
  readonly wait: number;
  /** Bytes of memory. */
  readonly resident: number;
  readonly descriptors: number;
  readonly children: number;
}

/** The built program as an agent, measured from within (turns.cjs). */
export class AgentProcess {
  readonly #child: ChildProcess;
  #errors = '';
  readonly ended: Promise<unknown>;

  /** @param through a command that runs the program, such as `prlimit` */
  constructor(args: readonly string[], through: readonly string[] = []) {
    const [command = '', ...rest] = [
      ...through,
      process.execPath,
      ...FLAGS,
      '--require',
      TURNS,
      MAIN,
      'agent',
      ...args,
    ];
    this.#child = spawn(command, rest, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { PATH: process.env.PATH },
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-20_000);
    });
    this.ended = once(this.#child, 'close');
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The end of its log. */
  get errors(): string {
    return this.#errors;
  }

  /** Milliseconds on a processor of its main thread, which does NAT. */
  processorTime(): number {
    const [nanoseconds = ''] = readFileSync(`/proc/${this.pid}/task/${this.pid}/schedstat`, 'latin1').split(
      ' ',
    );
    return Number(nanoseconds) / 1e6;
  }

  async strain(): Promise<Strain> {
    this.#child.send({});
    const [answer] = await once(this.#child, 'message');
    return answer as Strain;
  }

  async stop(): Promise<void> {
    if (this.isRunning) this.#child.kill();
    await this.ended;
  }
}
