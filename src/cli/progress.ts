import type { Terminal } from './terminal.ts';

/** Work that is done sooner needs no word about it, in milliseconds. */
const PATIENCE = 1000;

/** Tells a person at the terminal what is being waited for, in one line that goes again when the work is done. */
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
