import type { ChildProcess } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Host } from '../lab/host.ts';

/** The program as a user starts it. */
export const PROGRAM = fileURLToPath(new URL('../../bin/knat', import.meta.url));

/** Milliseconds in which an agent must have programmed its node. */
const START_LIMIT_MS = 20_000;

/** The fields that are read of a line of the agent's JSON log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly elementsAdded?: number;
  readonly elementsDeleted?: number;
  readonly milliseconds?: number;
}

/** An agent did not start, or ended. `details` are its last log lines. */
export class AgentFailed extends Error {
  readonly code = 'KNAT_DEMO_AGENT_FAILED';
  override readonly name = 'AgentFailed';
  readonly details: readonly string[];
  constructor(node: string, what: string, details: readonly string[]) {
    super(`the agent of ${node} ${what}`);
    this.details = details;
  }
}

/** The command that runs knat in the host, to be printed or executed. */
export function knatIn(host: Host, args: readonly string[]): readonly string[] {
  return host.command([PROGRAM, ...args]);
}

/** `knat agent` in a node's namespace, started as a user would start it. */
export class AgentProcess {
  readonly node: string;
  readonly #child: ChildProcess;
  readonly #log: WriteStream;
  readonly #lastLines: string[] = [];
  #ended: string | null = null;
  #listener: (line: LogLine) => void = () => {};
  #onEnd: () => void = () => {};
  #startLimit: NodeJS.Timeout | undefined;

  constructor(host: Host, manifests: string, logFile: string) {
    this.node = host.name;
    this.#log = createWriteStream(logFile, { flags: 'a' });
    // A separate process group, so that Ctrl-C reaches only the demo, which then ends everything in order.
    const args = ['--source', `dir:${basename(manifests)}`, '--node', host.name, '--log-format', 'json'];
    const history = ['--history-dir', join(dirname(logFile), `history-${host.name}`)];
    this.#child = host.spawn([PROGRAM, 'agent', ...args, ...history, '--log-level', 'info'], {
      cwd: dirname(manifests), // so that its messages name the source briefly
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    this.#child.on('error', (error) => this.#end(`could not be started: ${error.message}`));
    this.#child.on('close', (status, signal) => this.#end(`ended with ${signal ?? `exit status ${status}`}`));
    if (this.#child.stderr !== null) {
      createInterface({ input: this.#child.stderr }).on('line', (line) => this.#receive(line));
    }
  }

  /** Resolves when the kernel of the node matches the manifests for the first time. Throws AgentFailed. */
  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (what: string) => {
        clearTimeout(this.#startLimit);
        reject(new AgentFailed(this.node, what, this.#lastLines));
      };
      const late = `programmed nothing within ${START_LIMIT_MS / 1000} seconds`;
      this.#startLimit = setTimeout(() => fail(late), START_LIMIT_MS);
      this.#onEnd = () => fail(this.#ended ?? '');
      if (this.#ended !== null) return fail(this.#ended);
      this.#listener = ({ msg }) => {
        if (msg !== 'programmed') return;
        clearTimeout(this.#startLimit);
        resolve();
      };
    });
  }

  /** Calls back for every line that the agent logs from now on, and when the agent ends. */
  follow(listener: (line: LogLine) => void): void {
    this.#listener = listener;
    this.#onEnd = () => listener({ level: 'error', msg: `the agent ${this.#ended}` });
  }

  /** Kills the agent without waiting. May be called again. */
  kill(): void {
    clearTimeout(this.#startLimit);
    this.#listener = () => {};
    this.#onEnd = () => {};
    this.#child.kill('SIGKILL');
  }

  #receive(line: string): void {
    this.#log.write(`${line}\n`);
    this.#lastLines.push(line);
    if (this.#lastLines.length > 10) this.#lastLines.shift();
    const read = parseLine(line);
    if (read !== null) this.#listener(read);
  }

  #end(what: string): void {
    this.#ended ??= what;
    this.#log.end();
    this.#onEnd();
  }
}

function parseLine(line: string): LogLine | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'msg' in value ? (value as LogLine) : null;
  } catch {
    return null; // not a log line: a message of Node.js itself
  }
}
