import { firstReached } from '../base/collect.ts';
import { addressNumber, dottedNumber, type IpAddress, isIpv6 } from '../net/address.ts';
import type { AddressSet } from '../net/ranges.ts';

/** Finds the part of a partition that an address is in. Costs the logarithm of the number of ranges. */
export class Places {
  readonly #lasts: readonly (number | bigint)[];
  readonly #parts: readonly number[];
  readonly #isIpv6: boolean;

  /** @param parts sets of one family that together hold each of its addresses once */
  constructor(parts: readonly AddressSet[]) {
    this.#isIpv6 = parts[0]?.family === 'IPv6';
    const sorted = parts
      .flatMap(({ ranges }, part) => ranges.map(({ last }) => ({ last, part })))
      .sort((a, b) => (a.last < b.last ? -1 : 1));
    this.#lasts = sorted.map(({ last }) => (this.#isIpv6 ? last : Number(last)));
    this.#parts = sorted.map(({ part }) => part);
  }

  /** The index of the part; null for an address of the other family. */
  at(address: IpAddress): number | null {
    if (isIpv6(address) !== this.#isIpv6) return null;
    const number = isIpv6(address) ? addressNumber(address) : dottedNumber(address);
    const part = this.#parts[firstReached(this.#lasts, (last) => last >= number)];
    if (part === undefined) throw new RangeError('the parts hold every address');
    return part;
  }
}
