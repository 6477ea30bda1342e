import type { Socket } from 'node:net';

/** How a client reads its answer: from when on it has taken nothing although something waits. */
export class ReadingPace {
  readonly #socket: Pick<Socket, 'bytesWritten' | 'writableLength'>;
  #taken = -1;
  #since = Number.POSITIVE_INFINITY;

  /** @param socket with HTTPS the one that encrypts */
  constructor(socket: Pick<Socket, 'bytesWritten' | 'writableLength'>) {
    this.#socket = socket;
  }

  /** Milliseconds for which it has taken nothing, as far as looks at it can tell; 0: nothing waits for it. */
  stalledFor(now: number): number {
    const { bytesWritten, writableLength } = this.#socket;
    const taken = bytesWritten - writableLength; // what the kernel has taken for it
    if (writableLength === 0) this.#since = Number.POSITIVE_INFINITY;
    else if (taken !== this.#taken || this.#since === Number.POSITIVE_INFINITY) this.#since = now;
    this.#taken = taken;
    return Math.max(0, now - this.#since);
  }
}
