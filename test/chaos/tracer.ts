import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Milliseconds for strace to attach on a busy machine. */
const ATTACH = 20_000;

/** strace on a process that runs: it counts system calls, or fails and kills at one of them (strace(1), "inject"). */
export class Tracer {
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;

  /** Resolves when every thread of the process is traced. */
  static async attach(pid: number, options: readonly string[]): Promise<Tracer> {
    const child = spawn('strace', ['-f', '-qq', ...options, '-p', String(pid)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const tracer = new Tracer(child);
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const deadline = performance.now() + ATTACH;
    while (!isTraced(pid)) {
      if (child.exitCode !== null || performance.now() > deadline) {
        await tracer.detach();
        throw new Error(`strace did not attach: ${said.trim()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    return tracer;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#gone = new Promise((resolve) => child.once('close', () => resolve()));
  }

  /** Lets the process go on alone; does nothing if it has ended. */
  async detach(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#gone;
  }
}

/** Every thread has a tracer. True for a process that has ended. */
function isTraced(pid: number): boolean {
  try {
    const threads = readFileSync(`/proc/${pid}/status`, 'utf8');
    return !/^TracerPid:\t0$/m.test(threads);
  } catch {
    return true;
  }
}

/** A system call as strace counts it: the number is that of a thread's calls with this name. */
export interface CallPlace {
  readonly call: string;
  readonly number: number;
}

/** The places in a record of strace -f, by name and number. */
export function placesIn(record: string): readonly CallPlace[] {
  const counts = new Map<string, Map<string, number>>();
  for (const line of record.split('\n')) {
    const [, thread, call] = /^([0-9]+) +([a-z_0-9]+)\(/.exec(line) ?? [];
    if (thread === undefined || call === undefined) continue;
    const byThread = counts.get(call) ?? new Map<string, number>();
    byThread.set(thread, (byThread.get(thread) ?? 0) + 1);
    counts.set(call, byThread);
  }
  return [...counts].flatMap(([call, byThread]) =>
    Array.from({ length: Math.max(...byThread.values()) }, (_, index) => ({ call, number: index + 1 })),
  );
}
