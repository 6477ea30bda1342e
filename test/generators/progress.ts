import { writeSync } from 'node:fs';
import fc from 'fast-check';

/** Milliseconds between two lines. */
const PAUSE = 3_000;

/**
 * Tells how far a long property is, with the seed that repeats it: straight to standard error, since the runner shows what a
 * test prints when it is over. @param asked whether this is a long run
 */
export function progressOf(what: string, total: number, asked: boolean): (done: string) => void {
  let runs = 0;
  let told = performance.now();
  return (done) => {
    runs++;
    if (!asked || (performance.now() - told < PAUSE && runs < total)) return;
    told = performance.now();
    const { seed = 0 } = fc.readConfigureGlobal();
    writeSync(2, `${what}: ${runs} of ${total}${done} (KNAT_SEED=${seed})\n`);
  };
}
