/** Positions of podnat-controller's jumps, counted from 1, or from the end when negative. */
export type JumpPositions = readonly [forward: number, pre: number, post: number];

/** Reads the value of `-iptablesjump`: `F,P,P` or `F:P:P`, 16-bit integers; null when malformed. */
export function parseJumpPositions(text: string): JumpPositions | null {
  const [forward, pre, post, ...more] = text.split(/[,:]/).map(readNumber);
  if (forward === undefined || pre === undefined || post === undefined || more.length > 0) return null;
  return forward === null || pre === null || post === null ? null : [forward, pre, post];
}

function readNumber(text: string): number | null {
  const number = /^[+-]?\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return number >= -(2 ** 15) && number < 2 ** 15 ? number : null;
}
