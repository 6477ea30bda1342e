import type { ChildProcess } from 'node:child_process';

/** Longest first line, in bytes. */
const LONGEST = 1 << 20;

/** What a process writes: a first line, then the rest at the reader's speed. */
export class FirstLine {
  /** Null: the process ended without one. */
  readonly line: Promise<string | null>;
  readonly ended: Promise<{ readonly status: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly #pieces: AsyncIterator<Buffer>;
  #left: Buffer = Buffer.alloc(0);

  constructor(child: ChildProcess) {
    this.ended = new Promise((resolve) => {
      child.once('close', (status, signal) => resolve({ status, signal }));
      child.once('error', () => resolve({ status: null, signal: null }));
    });
    const { stdout } = child;
    if (stdout === null) throw new TypeError('the process has a pipe as standard output');
    this.#pieces = stdout[Symbol.asyncIterator]();
    this.line = this.#read();
  }

  async #read(): Promise<string | null> {
    const found: Buffer[] = [];
    let length = 0;
    for (;;) {
      const { value, done } = await this.#next();
      if (done || length > LONGEST) return null;
      const end = value.indexOf('\n');
      found.push(end < 0 ? value : value.subarray(0, end));
      length += value.length;
      if (end < 0) continue;
      this.#left = value.subarray(end + 1);
      return Buffer.concat(found).toString();
    }
  }

  /** Rejects if the process ends with a failure: what came is not the whole answer. */
  async *rest(): AsyncGenerator<Uint8Array> {
    if (this.#left.length > 0) yield this.#left;
    for (;;) {
      const { value, done } = await this.#next();
      if (done) break;
      yield value;
    }
    const { status } = await this.ended;
    if (status !== 0) throw new Error('the answer was cut off');
  }

  async #next(): Promise<{ readonly value: Buffer; readonly done: boolean }> {
    try {
      const { value, done = false } = await this.#pieces.next();
      return { value, done };
    } catch {
      return { value: Buffer.alloc(0), done: true };
    }
  }
}
