import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** A converge with at least this many elements is followed by a garbage collection. */
export const LARGE_CONVERGE = 10_000;

let collect: (() => void) | null = null;

/**
 * Collects garbage now, and returns the memory. A cold start leaves more garbage than anything later, and nobody waits at
 * that moment; otherwise it is collected during the first changes, which slows them down.
 */
export function collectGarbage(): void {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
