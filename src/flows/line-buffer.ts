const ZERO = 0x30;
const LINE_END = 0x0a;
/** Every number below has at most ten digits and can be divided as 32 bits. */
const SMALL = 2 ** 31;

/** Collects lines of text as bytes. Nothing is allocated for a line, since a listing has one for each connection. */
export class LineBuffer {
  #bytes = Buffer.allocUnsafe(128 * 1024);
  #length = 0;

  /** Bytes that were not taken yet. */
  get length(): number {
    return this.#length;
  }

  /** The bytes since the last call. */
  take(): Uint8Array {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    return taken;
  }

  /** @param text ASCII alone */
  ascii(text: string): this {
    const bytes = this.#room(text.length);
    const start = this.#length;
    for (let i = 0; i < text.length; i++) bytes[start + i] = text.charCodeAt(i);
    this.#length = start + text.length;
    return this;
  }

  utf8(encoded: Uint8Array): this {
    this.#room(encoded.length).set(encoded, this.#length);
    this.#length += encoded.length;
    return this;
  }

  /** A whole number that is not negative, in decimal; `null` for null. */
  number(value: number | null): this {
    if (value === null || value >= SMALL) return this.ascii(String(value));
    let digits = 1;
    for (let rest = value; rest >= 10; rest = (rest / 10) | 0) digits++;
    const bytes = this.#room(digits);
    let rest = value | 0;
    for (let at = this.#length + digits - 1; at >= this.#length; at--) {
      bytes[at] = ZERO + (rest % 10);
      rest = (rest / 10) | 0;
    }
    this.#length += digits;
    return this;
  }

  endLine(): void {
    this.#room(1)[this.#length++] = LINE_END;
  }

  /** The bytes, with room for this many more. */
  #room(more: number): Buffer {
    const needed = this.#length + more;
    if (needed > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes.subarray(0, this.#length)], needed * 2);
    }
    return this.#bytes;
  }
}
