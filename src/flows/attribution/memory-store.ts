import type { AttributionStore } from './store.ts';

/** Number of parts; the oldest is dropped when all are full. */
const PARTS = 8;

/** A log in the agent's memory; it ends with the agent. */
export class MemoryStore implements AttributionStore {
  readonly #partBytes: number;
  /** Buffers, because V8 would store strings in pieces and with two bytes a character. */
  readonly #parts: Buffer[] = [];
  #present: Buffer[] = [];
  #presentBytes = 0;
  rotations = 0;

  /** @param limit bytes of all parts together */
  constructor(limit: number) {
    this.#partBytes = Math.max(1, Math.floor(limit / PARTS));
  }

  append(lines: string): void {
    const bytes = Buffer.from(lines);
    if (this.#presentBytes + bytes.length > this.#partBytes && this.#presentBytes > 0) {
      this.#parts.push(Buffer.concat(this.#present));
      this.#present = [];
      this.#presentBytes = 0;
      if (this.#parts.length >= PARTS) {
        this.#parts.shift();
        this.rotations++;
      }
    }
    this.#present.push(bytes);
    this.#presentBytes += bytes.length;
  }

  async *read(): AsyncGenerator<string> {
    for (const part of [...this.#parts, Buffer.concat(this.#present)]) {
      for (const line of part.toString().split('\n')) if (line !== '') yield line;
    }
  }

  takeTrouble(): null {
    return null;
  }

  async close(): Promise<void> {}
}
