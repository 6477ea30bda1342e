import type { Terminal } from './terminal.ts';

/** Milliseconds before work is announced. */
const PATIENCE = 1000;

/** Shows what the command waits for, in one line that disappears when the work is done. */
export async function withProgress<Result>(
  terminal: Terminal,
  what: string,
  work: Promise<Result>,
): Promise<Result> {
  if (!terminal.watched) return await work;
  let seconds = 0;
  const timer = setInterval(() => {
    seconds++;
    terminal.printOver(`${what} … ${seconds} s`);
  }, PATIENCE);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (seconds > 0) terminal.printOver('');
  }
}
