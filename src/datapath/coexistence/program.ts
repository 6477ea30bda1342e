import { spawn } from 'node:child_process';

/** A program of iptables failed: its own words are the message's end. */
export class ProgramFailed extends Error {
  override readonly name = 'ProgramFailed';
}

/** Nothing of the caller's environment decides which program runs and in which language it complains. */
const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/** Runs a program and gives what it prints; null when it is not installed. Throws ProgramFailed. */
export async function runProgram(
  [program = '', ...args]: readonly string[],
  input: string,
  signal: AbortSignal,
): Promise<string | null> {
  signal.throwIfAborted();
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], signal, env });
  let output = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  child.stdin.on('error', () => {}); // it stopped reading: its exit status tells why
  child.stdin.end(input);
  const status = await new Promise<number | null | 'missing'>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve('missing');
      else reject(error);
    });
    child.once('close', resolve);
  });
  if (status === 'missing') return null;
  if (status !== 0) {
    throw new ProgramFailed(`${[program, ...args].join(' ')} failed (${status}): ${complaint.trim()}`);
  }
  return output;
}
