import { addressFromNumber, addressNumber, dotted, dottedNumber, type IpAddress, isIpv6 } from './address.ts';
import { addressBits, type Family } from './family.ts';

/** Addresses `first` to `last`, both included, as unsigned numbers. */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** Sorted ranges of one family that neither overlap nor touch: the canonical form of a set of addresses. */
export interface AddressSet {
  readonly family: Family;
  readonly ranges: readonly AddressRange[];
}

/**
 * The kernel rejects overlapping interval elements, so every set has this form. A range that is not joined stays the
 * same object, which makes comparing a set with its former value cheap.
 */
export function unionOf(family: Family, ranges: Iterable<AddressRange>): AddressSet {
  const sorted = [...ranges].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const union: AddressRange[] = [];
  let previous: AddressRange | undefined;
  for (const range of sorted) {
    if (previous !== undefined && range.first <= previous.last + 1n) {
      if (range.last <= previous.last) continue;
      previous = { first: previous.first, last: range.last };
      union[union.length - 1] = previous;
    } else {
      previous = range;
      union.push(range);
    }
  }
  return { family, ranges: union };
}

export function complementOf(set: AddressSet): AddressSet {
  const last = (1n << BigInt(addressBits[set.family])) - 1n;
  const ranges: AddressRange[] = [];
  let next = 0n;
  for (const range of set.ranges) {
    if (range.first > next) ranges.push({ first: next, last: range.first - 1n });
    next = range.last + 1n;
  }
  if (next <= last) ranges.push({ first: next, last });
  return { family: set.family, ranges };
}

/** Both sets must have the same family. */
export function intersectionOf(a: AddressSet, b: AddressSet): AddressSet {
  const ranges: AddressRange[] = [];
  let i = 0;
  let j = 0;
  while (i < a.ranges.length && j < b.ranges.length) {
    const left = a.ranges[i] as AddressRange;
    const right = b.ranges[j] as AddressRange;
    const first = left.first > right.first ? left.first : right.first;
    const last = left.last < right.last ? left.last : right.last;
    if (first <= last) ranges.push({ first, last });
    if (left.last < right.last) i++;
    else j++;
  }
  return { family: a.family, ranges };
}

/** Both sets must have the same family. A range of which nothing is taken stays the same object. */
export function differenceOf(a: AddressSet, b: AddressSet): AddressSet {
  if (b.ranges.length === 0) return a;
  const ranges: AddressRange[] = [];
  let reached = 0;
  for (const range of a.ranges) {
    while (reached < b.ranges.length && (b.ranges[reached] as AddressRange).last < range.first) reached++;
    let { first } = range;
    for (let taken = b.ranges[reached]; taken !== undefined && taken.first <= range.last; ) {
      if (taken.first > first) ranges.push({ first, last: taken.first - 1n });
      first = taken.last + 1n;
      if (taken.last >= range.last) break;
      reached++;
      taken = b.ranges[reached];
    }
    if (first === range.first) ranges.push(range);
    else if (first <= range.last) ranges.push({ first, last: range.last });
  }
  return { family: a.family, ranges };
}

/** The ranges to remove from the first set and to add, to get the second; both of one family. */
export function changedRanges(
  before: AddressSet,
  after: AddressSet,
): { readonly gone: readonly AddressRange[]; readonly come: readonly AddressRange[] } {
  const gone: AddressRange[] = [];
  const come: AddressRange[] = [];
  let i = 0;
  let j = 0;
  for (;;) {
    const old = before.ranges[i];
    const now = after.ranges[j];
    if (old === undefined && now === undefined) return { gone, come };
    if (old !== undefined && now !== undefined && old.first === now.first && old.last === now.last) {
      i++;
      j++;
    } else if (now === undefined || (old !== undefined && old.first <= now.first)) {
      if (old !== undefined) gone.push(old);
      i++;
    } else {
      come.push(now);
      j++;
    }
  }
}

/** The bounds of IPv4 sets as `first`, `last`, `first`, …; cached, since sets are immutable. */
const bounds = new WeakMap<AddressSet, Float64Array>();

/** False for an address of the other family. */
export function setContains(set: AddressSet, address: IpAddress): boolean {
  if (isIpv6(address) !== (set.family === 'IPv6')) return false;
  if (set.ranges.length === 0) return false;
  if (!isIpv6(address)) return isBetween(boundsOf(set), dottedNumber(address));
  const number = addressNumber(address);
  let low = 0;
  let high = set.ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = set.ranges[middle] as AddressRange;
    if (number < range.first) high = middle - 1;
    else if (number > range.last) low = middle + 1;
    else return true;
  }
  return false;
}

function boundsOf(set: AddressSet): Float64Array {
  let known = bounds.get(set);
  if (known === undefined) {
    known = Float64Array.from(set.ranges.flatMap(({ first, last }) => [Number(first), Number(last)]));
    bounds.set(set, known);
  }
  return known;
}

function isBetween(bounds: Float64Array, number: number): boolean {
  let low = 0;
  let high = (bounds.length >> 1) - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (number < (bounds[middle * 2] as number)) high = middle - 1;
    else if (number > (bounds[middle * 2 + 1] as number)) low = middle + 1;
    else return true;
  }
  return false;
}

/** The number of prefixes that make up the set. In a kernel set of several fields, an element costs that many steps. */
export function blockCount({ ranges }: AddressSet): number {
  return ranges.reduce((sum, range) => sum + blocksIn(range), 0);
}

function blocksIn(range: AddressRange): number {
  let count = 0;
  for (const _ of blocksOf(range)) count++;
  return count;
}

/** The prefixes that make up a range, in order. */
function* blocksOf({ first, last }: AddressRange): Generator<AddressRange> {
  for (let next = first; next <= last; ) {
    let size = 1n;
    while ((next & (2n * size - 1n)) === 0n && next + 2n * size - 1n <= last) size *= 2n;
    yield { first: next, last: next + size - 1n };
    next += size;
  }
}

/** The prefixes that make up the set: `10.244.0.0/16`, `10.96.0.10/32`. */
export function formatBlocks({ family, ranges }: AddressSet): string[] {
  if (family === 'IPv4')
    return ranges.flatMap(({ first, last }) => dottedBlocks(Number(first), Number(last)));
  return ranges.flatMap((range) =>
    [...blocksOf(range)].map((block) => {
      const length = addressBits[family] - ((block.last - block.first + 1n).toString(2).length - 1);
      return `${addressFromNumber(family, block.first)}/${length}`;
    }),
  );
}

/** As `blocksOf`, for IPv4: most of a large answer are such texts, and big integers cost most of their time. */
function dottedBlocks(first: number, last: number): string[] {
  const blocks: string[] = [];
  for (let next = first; next <= last; ) {
    let size = 1;
    let length = 32;
    while (next % (2 * size) === 0 && next + 2 * size - 1 <= last) {
      size *= 2;
      length--;
    }
    blocks.push(`${dotted(next)}/${length}`);
    next += size;
  }
  return blocks;
}

/** The first ranges that together need at most `most` prefixes. */
export function lowestBlocks(set: AddressSet, most: number): AddressSet {
  let count = 0;
  const end = set.ranges.findIndex((range) => {
    count += blocksIn(range);
    return count > most;
  });
  return end === -1 ? set : { family: set.family, ranges: set.ranges.slice(0, end) };
}

/** A single address, a prefix if the range is one, or `first-last`. */
export function formatRange(family: Family, range: AddressRange): string {
  const first = addressFromNumber(family, range.first);
  if (range.first === range.last) return first;
  const size = range.last - range.first + 1n;
  if ((size & (size - 1n)) === 0n && (range.first & (size - 1n)) === 0n) {
    return `${first}/${addressBits[family] - (size.toString(2).length - 1)}`;
  }
  return `${first}-${addressFromNumber(family, range.last)}`;
}
