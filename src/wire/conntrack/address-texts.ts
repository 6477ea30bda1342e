import { addressFromBytes, type IpAddress } from '../../net/address.ts';
import { host32 } from '../bytes.ts';

/** Remembered texts, a power of two: about 2 MiB when all are IPv6. */
const PLACES = 16_384;
const WORDS = 4;

/** A cache with one place for each hash of the bytes. Memory is bounded, and lookups allocate nothing. */
export class AddressTexts {
  readonly #words = new Uint32Array(PLACES * WORDS);
  readonly #texts: (IpAddress | undefined)[] = new Array(PLACES);

  /** @param length 4 or 16 */
  of(bytes: Uint8Array, at: number, length: number): IpAddress {
    const first = host32(bytes, at);
    const isLong = length === 16;
    const second = isLong ? host32(bytes, at + 4) : 0;
    const third = isLong ? host32(bytes, at + 8) : 0;
    const fourth = isLong ? host32(bytes, at + 12) : 0;
    // Knuth's multiplicative hash: the upper bits depend on all of the lower ones.
    const mixed = Math.imul(first ^ Math.imul(second, 31) ^ Math.imul(third, 961) ^ fourth, 0x9e3779b1);
    const place = (mixed >>> 16) & (PLACES - 1);
    const words = this.#words;
    const start = place * WORDS;
    const known = this.#texts[place];
    if (
      known !== undefined &&
      words[start] === first &&
      words[start + 1] === second &&
      words[start + 2] === third &&
      words[start + 3] === fourth &&
      known.includes(':') === isLong
    ) {
      return known;
    }
    const text = addressFromBytes(bytes.subarray(at, at + length));
    this.#texts[place] = text;
    words[start] = first;
    words[start + 1] = second;
    words[start + 2] = third;
    words[start + 3] = fourth;
    return text;
  }
}
