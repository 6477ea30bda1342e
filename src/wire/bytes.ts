/**
 * Numbers in byte arrays. Netlink's headers are in host byte order (`host16`, `host32`), netfilter's content mostly in
 * network byte order (`net16`, `net32`, `net64`). Readers do not check bounds: the caller has checked a length.
 */

/** True on a host that stores the low byte first. */
export const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

export function net16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

export function net32(bytes: Uint8Array, at: number): number {
  return net16(bytes, at) * 65536 + net16(bytes, at + 2);
}

export function net64(bytes: Uint8Array, at: number): bigint {
  return (BigInt(net32(bytes, at)) << 32n) | BigInt(net32(bytes, at + 4));
}

export function host16(bytes: Uint8Array, at: number): number {
  return littleEndian ? (bytes[at] as number) | ((bytes[at + 1] as number) << 8) : net16(bytes, at);
}

export function host32(bytes: Uint8Array, at: number): number {
  return littleEndian ? host16(bytes, at) + host16(bytes, at + 2) * 65536 : net32(bytes, at);
}

/** The text up to the first NUL, or the whole range without one. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  let stop = start;
  while (stop < end && bytes[stop] !== 0) stop++;
  return utf8.decode(bytes.subarray(start, stop));
}

/** Lower-case hexadecimal digits, two a byte. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** One character for each byte: for comparing and as a key, not for display. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Up to so many bytes are copied one by one, which makes no view. */
const SMALL = 256;

const utf8 = new TextDecoder();
const utf8Encoder = new TextEncoder();

/**
 * A growing byte array. Writing may replace `bytes`, so keep no reference to it. Attributes are opened and closed
 * around their payload, which sets their length and pads to 4 bytes.
 */
export class ByteWriter {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
  }

  /** A view of what has been written. */
  get written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** Makes room for more bytes, which may then be stored into `bytes` directly. */
  reserve(size: number): void {
    const needed = this.length + size;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /** Forgets what was written, and a buffer that is larger than this. */
  shrink(capacity: number): void {
    this.length = 0;
    if (this.bytes.length > capacity) this.bytes = new Uint8Array(capacity);
  }

  u8(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  host16(value: number): void {
    this.reserve(2);
    putHost16(this.bytes, this.length, value);
    this.length += 2;
  }

  host32(value: number): void {
    this.reserve(4);
    putHost32(this.bytes, this.length, value);
    this.length += 4;
  }

  net16(value: number): void {
    this.reserve(2);
    putNet16(this.bytes, this.length, value);
    this.length += 2;
  }

  net32(value: number): void {
    this.reserve(4);
    putNet32(this.bytes, this.length, value);
    this.length += 4;
  }

  net64(value: bigint): void {
    this.net32(Number((value >> 32n) & 0xffff_ffffn));
    this.net32(Number(value & 0xffff_ffffn));
  }

  raw(value: Uint8Array): void {
    this.reserve(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
  }

  /** Appends the first bytes of an array. */
  part(bytes: Uint8Array, length: number): void {
    this.reserve(length);
    if (length > SMALL) this.bytes.set(bytes.subarray(0, length), this.length);
    else for (let i = 0; i < length; i++) this.bytes[this.length + i] = bytes[i] as number;
    this.length += length;
  }

  /** Appends the text and a NUL. */
  text(value: string): void {
    this.reserve(3 * value.length + 1);
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        this.raw(utf8Encoder.encode(value.slice(i)));
        break;
      }
      this.bytes[this.length++] = code;
    }
    this.u8(0);
  }

  /** Pads with zeros to a multiple of 4. */
  align(): void {
    while ((this.length & 3) !== 0) this.u8(0);
  }

  /** Starts an attribute; pass the result to `close`. */
  open(type: number): number {
    const start = this.length;
    this.host16(0);
    this.host16(type);
    return start;
  }

  /** Ends the attribute. Throws RangeError beyond the 65535 bytes that nla_len can express. */
  close(start: number): void {
    const length = this.length - start;
    if (length > 0xffff) throw new RangeError(`an attribute has at most 65535 bytes, not ${length}`);
    putHost16(this.bytes, start, length);
    this.align();
  }
}

export function putHost16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = littleEndian ? value : value >>> 8;
  bytes[at + 1] = littleEndian ? value >>> 8 : value;
}

export function putHost32(bytes: Uint8Array, at: number, value: number): void {
  putHost16(bytes, at, littleEndian ? value : value >>> 16);
  putHost16(bytes, at + 2, littleEndian ? value >>> 16 : value);
}

export function putNet16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function putNet32(bytes: Uint8Array, at: number, value: number): void {
  putNet16(bytes, at, value >>> 16);
  putNet16(bytes, at + 2, value);
}
