import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Host } from '../../src/lab/host.ts';
import { costOfProcess, type ProcessCost, residentMiB } from '../cost.ts';
import { clock, type ServerReady } from './messages.ts';

/** Two levels up from the compiled benchmark's folder `.tmp/bench`. */
const KNAT = fileURLToPath(new URL('../../../../bin/knat', import.meta.url));
const PROBE = new URL('probe.js', import.meta.url).href;
const SAMPLE_MS = 1000;
/** Bytes of the log that are kept, for the message of an error. */
const LOG_TAIL = 4000;

/** What the agent used in about a second. */
export interface Sample {
  readonly cores: number;
  readonly residentMiB: number;
}

/** The program as it is installed, on one host of the lab. */
export class AgentProcess {
  readonly startedAt = clock();
  readonly #child: ChildProcess;
  readonly #programmed: Promise<void>;
  #log = '';
  #allocatedKiB = 0;

  constructor(host: Host, { kubeconfig, folder }: ServerReady) {
    const nodeConfig = join(folder, 'node.yaml');
    writeFileSync(nodeConfig, JSON.stringify({ podCIDRs: ['10.128.0.0/9'], serviceCIDRs: ['10.96.0.0/12'] }));
    const source = ['--source', 'kubernetes', '--kubeconfig', kubeconfig];
    const node = ['--node', 'node-0', '--node-config', nodeConfig, '--log-format', 'json'];
    this.#child = host.spawn([KNAT, 'agent', ...source, ...node], {
      env: { PATH: process.env.PATH, NODE_OPTIONS: `--import=${PROBE}` },
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    const [, , errors, probe] = this.#child.stdio as readonly unknown[] as readonly Readable[];
    if (errors === undefined || probe === undefined) throw new Error('the agent has no pipes');
    createInterface({ input: probe }).on('line', (line) => {
      this.#allocatedKiB = (JSON.parse(line) as { allocatedKiB: number }).allocatedKiB;
    });
    this.#programmed = new Promise((resolve, reject) => {
      errors.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-LOG_TAIL);
        if (this.#log.includes('"programmed"')) resolve();
      });
      this.#child.once('error', reject);
      this.#child.once('exit', (status) =>
        reject(new Error(`the agent ended with ${status}:\n${this.#log}`)),
      );
    });
    this.#programmed.catch(() => {}); // also when nobody waits for it any more
  }

  /** Resolves when the agent says that everything is in the kernel; rejects if it ends before. */
  async programmed(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    await Promise.race([this.#programmed, aborted]).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.#log}`, { cause: error });
    });
  }

  cost(): ProcessCost {
    return costOfProcess(this.#pid);
  }

  /** So far, to the last second. */
  get allocatedKiB(): number {
    return this.#allocatedKiB;
  }

  memory(): { readonly nowMiB: number; readonly peakMiB: number } {
    return residentMiB(this.#pid);
  }

  /** The peak of memory counts from now on (proc_pid_clear_refs(5)). */
  forgetPeak(): void {
    writeFileSync(`/proc/${this.#pid}/clear_refs`, '5');
  }

  /** One sample a second until the promise is settled. */
  async samplesUntil(end: Promise<unknown>): Promise<Sample[]> {
    const samples: Sample[] = [];
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    end.then(over, over);
    let [cpu, at] = [this.#cpuMs(), clock()];
    for (;;) {
      await Promise.race([sleep(SAMPLE_MS), end.catch(() => {})]);
      if (isOver) return samples;
      const [cpuNow, now] = [this.#cpuMs(), clock()];
      samples.push({ cores: (cpuNow - cpu) / (now - at), residentMiB: this.memory().nowMiB });
      [cpu, at] = [cpuNow, now];
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  get #pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('the agent was not started');
    return pid;
  }

  /** Finer than the ticks of `cost`: schedstat counts nanoseconds (Documentation/scheduler/sched-stats.rst). */
  #cpuMs(): number {
    const threads = readdirSync(`/proc/${this.#pid}/task`);
    const nanoseconds = threads.map((thread) => {
      try {
        return Number(readFileSync(`/proc/${this.#pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
      } catch {
        return 0; // it has ended
      }
    });
    return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
  }
}
