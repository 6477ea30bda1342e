import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { CliError } from '../cli-error.ts';
import { isLastWord, isRemoteStatus, kubectlFailure } from './failure.ts';

/** Standard input of kubectl's command: none, ours, or a file descriptor. */
export type Input = 'ignore' | 'inherit' | number;

/** Returns kubectl's output. Throws CliError when it cannot run or fails. */
export async function readByKubectl(words: readonly string[]): Promise<string> {
  const child = spawn('kubectl', words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, errors, status] = await Promise.all([text(child.stdout), text(child.stderr), endOf(child)]);
  if (status !== 0) throw kubectlFailure(errors);
  return output;
}

/**
 * Runs kubectl with our standard output and returns its exit status, which is that of the container's command. A signal
 * to us ends kubectl, and then us by the same signal. Throws CliError if kubectl itself failed.
 *
 * @param printError gets each line of standard error, except kubectl's last line about its own status
 */
export async function runByKubectl(
  words: readonly string[],
  input: Input,
  printError: (line: string) => void,
): Promise<number> {
  const stdio: StdioOptions = [input, 'inherit', 'pipe'];
  const child = spawn('kubectl', words, { stdio });
  const caught = catchSignals(child);
  try {
    const [held, status] = await Promise.all([forwardErrors(child, printError), endOf(child)]);
    if (status === 0 || held === null) {
      if (held !== null) printError(held);
      return status;
    }
    if (isRemoteStatus(held)) return status;
    throw kubectlFailure(held);
  } finally {
    caught.release();
  }
}

/** Returns the last line unprinted if kubectl may have written it about itself. */
async function forwardErrors(child: ChildProcess, print: (line: string) => void): Promise<string | null> {
  let held: string | null = null;
  if (child.stderr === null) return held;
  for await (const line of createInterface({ input: child.stderr })) {
    if (held !== null) print(held);
    held = isLastWord(line) ? line : null;
    if (held === null) print(line);
  }
  return held;
}

async function endOf(child: ChildProcess): Promise<number> {
  try {
    const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (status !== null) return status;
    throw new CliError('KNAT_KUBECTL_FAILED', `kubectl was ended by ${signal}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new CliError('KNAT_KUBECTL_MISSING', 'there is no kubectl on the PATH', [], { cause: error });
  }
}

/** kubectl is in our process group and gets Ctrl-C itself; a signal sent only to us is passed on. */
function catchSignals(child: ChildProcess): { release(): void } {
  let received: NodeJS.Signals | null = null;
  const listener = (signal: NodeJS.Signals) => {
    received = signal;
    child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, listener);
  return {
    release: () => {
      for (const signal of signals) process.off(signal, listener);
      // Our parent process must see which signal ended us.
      if (received !== null) process.kill(process.pid, received);
    },
  };
}
