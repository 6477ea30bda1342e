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

/** Longer than a second: an ICMPv6 error may reach a TCP socket only with the first repetition of the SYN. */
const DIAL_TIMEOUT_MS = 1500;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A process inside a host that makes real connections. It ends with its standard input, even if we are killed. */
export class Probe {
  /** Plain JavaScript, so that the same file runs from the sources and from the build. */
  static readonly program = fileURLToPath(new URL('./probe-process/main.js', import.meta.url));

  readonly #host: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #ended: Error | null = null;

  /** @param argv the whole command line; a failure to start rejects the first request */
  constructor(host: string, argv: readonly string[]) {
    this.#host = host;
    const [program = '', ...args] = argv;
    this.#child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' }, // the probe needs none of our options: loaders, inspectors
    });
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('exit', (status, signal) => this.#end(`ended with ${signal ?? `status ${status}`}`));
    this.#child.stdin?.on('error', () => {}); // it ended; 'exit' reports it
    if (this.#child.stdout !== null) {
      createInterface({ input: this.#child.stdout }).on('line', (line) => this.#receive(JSON.parse(line)));
    }
  }

  /** Listens until `silence` or the end of the lab. Rejects for a port in use or an address of another host. */
  async serve(listener: Omit<ServeRequest, 'command'>): Promise<void> {
    await this.#ask({ command: 'serve', ...listener });
  }

  async silence(): Promise<void> {
    await this.#ask({ command: 'silence' });
  }

  /** Rejects only for a source address of another host. */
  dial(
    dial: Omit<DialRequest, 'command' | 'timeoutMs'> & { readonly timeoutMs?: number },
  ): Promise<DialOutcome> {
    return this.#ask({ command: 'dial', timeoutMs: DIAL_TIMEOUT_MS, ...dial });
  }

  /** Connects `count` times, 32 at once, each from its own source port, and counts the outcomes. */
  dialMany(
    count: number,
    dial: Omit<DialManyRequest['dial'], 'timeoutMs'> & { readonly timeoutMs?: number },
  ): Promise<DialTally> {
    const each = { timeoutMs: DIAL_TIMEOUT_MS, ...dial };
    return this.#ask({ command: 'dialMany', count, atOnce: 32, dial: each });
  }

  /** Opens a connection and keeps sending over it; rejects without an answer. The returned function ends it. */
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
