/** Where podnat-controller puts its jumps: in FORWARD, PREROUTING and POSTROUTING. See jumpPosition. */
export type JumpPositions = readonly [forward: number, pre: number, post: number];

/** Reads the value of `-iptablesjump`: `F,P,P` or `F:P:P`, whole numbers of 16 bits; null when it is none. */
export function parseJumpPositions(text: string): JumpPositions | null {
  const [forward, pre, post, ...more] = text.split(/[,:]/).map(readNumber);
  if (forward === undefined || pre === undefined || post === undefined || more.length > 0) return null;
  return forward === null || pre === null || post === null ? null : [forward, pre, post];
}

/**
 * The place of a jump among `count` rules, itself among them; the first is 1. Positive: counted from the start; negative:
 * from the end, -1 being the last; 0, or nothing to count: the first; beyond either end: the last. docs/spec/pod-nat.md,
 * "Flags".
 */
export function jumpPosition(asked: number, count: number): number {
  if (asked === 0 || count === 0) return 1;
  if (asked > 0) return Math.min(asked, count);
  return -asked <= count ? count + asked + 1 : count;
}

function readNumber(text: string): number | null {
  const number = /^[+-]?\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return number >= -(2 ** 15) && number < 2 ** 15 ? number : null;
}
