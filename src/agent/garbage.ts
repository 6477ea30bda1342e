import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Garbage is collected after a converge with at least this many elements. */
export const LARGE_CONVERGE = 10_000;

let collect: (() => void) | null = null;

/** A cold start leaves the most garbage; collecting it later would slow down the first changes. */
export function collectGarbage(): void {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
