import type { Terminal } from './terminal.ts';

/** Milliseconds before work is announced on a terminal. */
const PATIENCE = 1000;
/** Seconds between two lines where standard error is no terminal. */
const BETWEEN_LINES = 10;

/**
 * Shows what the command waits for: on a terminal in one line that disappears when the work is done, elsewhere in a
 * line every ten seconds.
 */
export async function withProgress<Result>(
  terminal: Terminal,
  what: string,
  work: Promise<Result>,
): Promise<Result> {
  const isWatched = terminal.watched;
  let seconds = 0;
  const timer = setInterval(() => {
    seconds++;
    if (isWatched) terminal.printOver(`${what} … ${seconds} s`);
    else if (seconds % BETWEEN_LINES === 0) terminal.printErrorLine(`${what} (${seconds} s so far)`);
  }, PATIENCE);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (isWatched && seconds > 0) terminal.printOver('');
  }
}
