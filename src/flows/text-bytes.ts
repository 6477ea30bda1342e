/** Digits of 2^31. */
const MOST_DIGITS = 10;

/**
 * A growing piece of UTF-8 that texts and numbers are written into one after the other. For answers of many megabytes:
 * joining short strings and encoding them costs several times as much, and leaves garbage.
 */
export class TextBytes {
  #bytes = new Uint8Array(128 * 1024);
  #length = 0;

  /** In bytes. */
  get length(): number {
    return this.#length;
  }

  text(text: string): void {
    const { length } = text;
    this.#reserve(length);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) {
        this.#encoded(text);
        return;
      }
      bytes[at++] = code;
    }
    this.#length = at;
  }

  /** A whole number from 0 on, in decimal. */
  number(value: number): void {
    if (value >= 2 ** 31) {
      this.text(String(value));
      return;
    }
    this.#reserve(MOST_DIGITS);
    let digits = 1;
    for (let power = 10; power <= value; power *= 10) digits++;
    const end = this.#length + digits;
    let rest = value | 0;
    for (let at = end - 1; at >= this.#length; at--) {
      const next = (rest / 10) | 0;
      this.#bytes[at] = 48 + rest - next * 10;
      rest = next;
    }
    this.#length = end;
  }

  /** Takes what was written, and begins anew. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  #encoded(text: string): void {
    this.#reserve(text.length * 3); // no UTF-16 unit becomes more bytes of UTF-8 than three
    this.#length += encoder.encodeInto(text, this.#bytes.subarray(this.#length)).written;
  }

  #reserve(size: number): void {
    const needed = this.#length + size;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

const encoder = new TextEncoder();
