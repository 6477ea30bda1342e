import type { SetElement } from '../../wire/nftables/element.ts';
import type { SetRow } from './sets.ts';

/**
 * A range is one element to us, `key` to `keyEnd`, and two to the kernel where the set has a single field
 * (nft_set_rbtree.c): its first address, and the address behind its last, flagged as an end. Such a pair comes and
 * goes as a whole, start before end: a kernel that checks this (Linux 6.18.44 does) answers ENOENT to anything else. A
 * range up to the highest address has no end.
 */
export function toKernel(
  { isPaired }: Pick<SetRow, 'isPaired'>,
  elements: readonly SetElement[],
): readonly SetElement[] {
  if (!isPaired) return elements;
  return elements.flatMap(({ key, keyEnd, intervalEnd, ...value }) => {
    if (keyEnd === undefined) return [intervalEnd === true ? { key, intervalEnd } : { key, ...value }];
    const behind = next(keyEnd);
    const start = { key, ...value };
    return behind === null ? [start] : [start, { key: behind, intervalEnd: true }];
  });
}

/** The kernel's elements as ranges, in order. An end without a start stays as it is, so that it can be removed. */
export function fromKernel(
  { isPaired }: Pick<SetRow, 'isPaired'>,
  elements: readonly SetElement[],
): readonly SetElement[] {
  if (!isPaired) return elements;
  const sorted = [...elements].sort(
    (a, b) => Buffer.compare(a.key, b.key) || Number(b.intervalEnd === true) - Number(a.intervalEnd === true),
  );
  const ranges: SetElement[] = [];
  let open: SetElement | null = null;
  for (const element of sorted) {
    const { key, intervalEnd } = element;
    if (intervalEnd !== true) {
      if (open !== null) ranges.push(open);
      open = element;
    } else if (open !== null) {
      ranges.push({ ...open, keyEnd: stepped(key, -1) });
      open = null;
    } else if (!isLowest(key)) ranges.push({ key, intervalEnd });
    // nft puts an end element at the lowest address of a range set that it fills; it means nothing.
  }
  if (open !== null) ranges.push({ ...open, keyEnd: new Uint8Array(open.key.length).fill(0xff) });
  return ranges;
}

function isLowest(key: Uint8Array): boolean {
  return key.every((byte) => byte === 0);
}

/** The key as a number, plus one; null behind the highest. */
function next(key: Uint8Array): Uint8Array | null {
  const bytes = stepped(key, 1);
  return isLowest(bytes) ? null : bytes;
}

/** The key as a number, plus or minus one; the highest and the lowest are neighbours. */
function stepped(key: Uint8Array, step: 1 | -1): Uint8Array {
  const bytes = Uint8Array.from(key);
  for (let i = bytes.length - 1; i >= 0; i--) {
    const before = bytes[i] as number;
    bytes[i] = before + step;
    if (before !== (step === 1 ? 0xff : 0)) break;
  }
  return bytes;
}
