import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Elements in one converge from which on its garbage is worth a collection of its own. */
export const LARGE_CONVERGE = 10_000;

let collect: (() => void) | null = null;

/**
 * Collects garbage now, and gives the memory back. A cold start leaves more garbage than anything that follows, at a moment
 * when nobody waits; left alone, it is collected step by step during the first changes, which makes them slower.
 */
export function collectGarbage(): void {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
