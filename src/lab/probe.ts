import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type {
  DialManyRequest,
  DialOutcome,
  DialRequest,
  DialTally,
  HoldReport,
  HoldRequest,
  Replies,
  Reply,
  Request,
  ServeRequest,
} from './probe-messages.ts';

/**
 * How long a dial waits, unless told otherwise. Longer than a second, since an ICMPv6 error may reach a TCP socket
 * only with the kernel's first repetition of the SYN, a second after the first.
 */
const DIAL_TIMEOUT_MS = 1500;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A process inside a host that makes real connections for the lab. It lives until its standard input closes, which
 * the kernel does for us even when this process is killed.
 */
export class Probe {
  /** The probe's program: plain JavaScript, so that the same file runs from the sources and from the build. */
  static readonly program = fileURLToPath(new URL('./probe-process/main.js', import.meta.url));

  readonly #host: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #ended: Error | null = null;

  /** Starts the probe; `argv` is the whole command line. Failing to start shows in the first request. */
  constructor(host: string, argv: readonly string[]) {
    this.#host = host;
    const [program = '', ...args] = argv;
    this.#child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' }, // ours are not the probe's: loaders, inspectors
    });
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('exit', (status, signal) => this.#end(`ended with ${signal ?? `status ${status}`}`));
    this.#child.stdin?.on('error', () => {}); // it ended: 'exit' tells
    if (this.#child.stdout !== null) {
      createInterface({ input: this.#child.stdout }).on('line', (line) => this.#receive(JSON.parse(line)));
    }
  }

  /** Listens until `silence` or the end of the lab. Rejects when the port is taken or the address not this host's. */
  async serve(listener: Omit<ServeRequest, 'command'>): Promise<void> {
    await this.#ask({ command: 'serve', ...listener });
  }

  /** Stops all listening. */
  async silence(): Promise<void> {
    await this.#ask({ command: 'silence' });
  }

  /** Connects once and says how that ended. Rejects only for a source that this host does not bear. */
  dial(
    dial: Omit<DialRequest, 'command' | 'timeoutMs'> & { readonly timeoutMs?: number },
  ): Promise<DialOutcome> {
    return this.#ask({ command: 'dial', timeoutMs: DIAL_TIMEOUT_MS, ...dial });
  }

  /** Connects `count` times, 32 at once, each from a source port of its own, and counts the outcomes. */
  dialMany(
    count: number,
    dial: Omit<DialManyRequest['dial'], 'timeoutMs'> & { readonly timeoutMs?: number },
  ): Promise<DialTally> {
    const each = { timeoutMs: DIAL_TIMEOUT_MS, ...dial };
    return this.#ask({ command: 'dialMany', count, atOnce: 32, dial: each });
  }

  /** Opens a connection and keeps talking over it; rejects when nobody answers. The function ends it. */
  async hold(
    held: Omit<HoldRequest, 'command' | 'everyMs' | 'timeoutMs'> & { readonly everyMs?: number },
  ): Promise<() => Promise<HoldReport>> {
    const handle = await this.#ask({ command: 'hold', everyMs: 20, timeoutMs: DIAL_TIMEOUT_MS, ...held });
    return () => this.#ask({ command: 'release', handle });
  }

  #ask<R extends Request>(request: R): Promise<Replies[R['command']]> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    this.#child.stdin?.write(`${JSON.stringify({ id, ...request })}\n`);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
    });
  }

  #receive(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('error' in reply) waiting?.reject(new Error(`probe in ${this.#host}: ${reply.error}`));
    else waiting?.resolve(reply.value);
  }

  #end(why: string): void {
    this.#ended ??= new Error(`probe in ${this.#host}: ${why}`);
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}
