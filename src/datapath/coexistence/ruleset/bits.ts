import type { Mark } from '../../../netfilter/packet.ts';
import type { Truth } from '../../../netfilter/truth.ts';
import { littleEndian, putHost16, putHost32 } from '../../../wire/bytes.ts';

/** The content of registers, of which some bits may not be known. */
export interface Bits {
  readonly bytes: Uint8Array;
  /** Ones where a bit is known, of the same length; null: all are. */
  readonly known: Uint8Array | null;
  /** What the unknown bits depend on. */
  readonly why: string;
  /** A number of which only this is known: it is below this one. */
  readonly bound?: number;
}

export function knownBits(bytes: Uint8Array): Bits {
  return { bytes, known: null, why: '' };
}

export function unknownBits(length: number, why: string): Bits {
  return { bytes: new Uint8Array(length), known: new Uint8Array(length), why };
}

/** A number in host byte order, as registers have marks, states and interface indexes. */
export function hostBits(number: number, length: 2 | 4 = 4): Bits {
  const bytes = new Uint8Array(length);
  if (length === 2) putHost16(bytes, 0, number);
  else putHost32(bytes, 0, number);
  return knownBits(bytes);
}

export function netBits(number: number, length: 1 | 2): Bits {
  return knownBits(length === 1 ? Uint8Array.of(number) : Uint8Array.of(number >> 8, number & 0xff));
}

export function markBits({ value, known }: Mark): Bits {
  const { bytes } = hostBits(value);
  return known === 0xffff_ffff
    ? knownBits(bytes)
    : { bytes, known: hostBits(known).bytes, why: 'the mark of the packet' };
}

export function part({ bytes, known, why }: Bits, start: number, length: number): Bits {
  return {
    bytes: bytes.subarray(start, start + length),
    known: known?.subarray(start, start + length) ?? null,
    why,
  };
}

/** Each padded with zeros to four bytes, as in a concatenation. */
export function joined(all: readonly Bits[]): Bits {
  const length = all.reduce((sum, { bytes }) => sum + ((bytes.length + 3) & ~3), 0);
  const bytes = new Uint8Array(length);
  const known = new Uint8Array(length).fill(0xff);
  let at = 0;
  for (const one of all) {
    bytes.set(one.bytes, at);
    if (one.known !== null) known.set(one.known, at);
    at += (one.bytes.length + 3) & ~3;
  }
  const open = all.find((one) => one.known !== null);
  return open === undefined ? knownBits(bytes) : { bytes, known, why: open.why };
}

/** (bits & mask) ^ toggle. */
export function masked({ bytes, known, why }: Bits, mask: Uint8Array, toggle: Uint8Array | undefined): Bits {
  const result = bytes.map((byte, at) => (byte & (mask[at] ?? 0)) ^ (toggle?.[at] ?? 0));
  const kept = known?.map((byte, at) => byte | (~(mask[at] ?? 0) & 0xff)) ?? null;
  return { bytes: result, known: kept === null || kept.every((byte) => byte === 0xff) ? null : kept, why };
}

/** Reverses the bytes of each number of this size, as `byteorder` does on a host that stores the low byte first. */
export function swapped({ bytes, known, why }: Bits, size: number): Bits {
  if (!littleEndian) return { bytes, known, why };
  const turn = (array: Uint8Array) => {
    const turned = array.slice();
    for (let at = 0; at + size <= turned.length; at += size) turned.subarray(at, at + size).reverse();
    return turned;
  };
  return { bytes: turn(bytes), known: known === null ? null : turn(known), why };
}

/** Whether the first bytes are these. */
export function equals({ bytes, known, why }: Bits, value: Uint8Array): Truth {
  let open = false;
  for (let at = 0; at < value.length; at++) {
    const sure = known?.[at] ?? 0xff;
    if ((((bytes[at] ?? 0) ^ (value[at] as number)) & sure) !== 0) return false;
    if (sure !== 0xff) open = true;
  }
  return open ? why : true;
}

/** The first bytes against these, as one number with the high byte first: negative if smaller; a text if not known. */
export function compared({ bytes, known, why }: Bits, value: Uint8Array): number | string {
  for (let at = 0; at < value.length; at++) {
    const sure = known?.[at] ?? 0xff;
    const byte = bytes[at] ?? 0;
    if (sure !== 0xff) return why;
    if (byte !== value[at]) return byte - (value[at] as number);
  }
  return 0;
}
