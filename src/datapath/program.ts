import { spawn } from 'node:child_process';

export interface ProgramEnd {
  /** Exit status; null: ended by a signal. */
  readonly status: number | null;
  /** The signal that ended it (SIGSEGV, …), or null. */
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly complaint: string;
}

/** A program failed; the message ends with the program's own output. */
export class ProgramFailed extends Error {
  override readonly name = 'ProgramFailed';
}

/** The caller's environment must not decide which program runs or the language of its messages. */
const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/** Runs a program to its end; null when it is not installed. Throws the signal's abort reason. */
export async function endOfProgram(
  [program = '', ...args]: readonly string[],
  input: string,
  signal: AbortSignal,
): Promise<ProgramEnd | null> {
  signal.throwIfAborted();
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], signal, env: environment });
  const ended = new Promise<Pick<ProgramEnd, 'status' | 'signal'> | null>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve(null);
      else reject(error);
    });
    child.once('close', (status, signal) => resolve({ status, signal }));
  });
  let output = '';
  let complaint = '';
  // Without free descriptors there are no pipes, despite the types.
  const { stdin, stdout, stderr } = child as Partial<Pick<typeof child, 'stdin' | 'stdout' | 'stderr'>>;
  stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  stdin?.on('error', () => {}); // it stopped reading at its first error, which its exit status and stderr report
  stdin?.end(input);
  const end = await ended;
  return end === null ? null : { ...end, output, complaint };
}

/** Returns the output; null when the program is not installed. Throws ProgramFailed. */
export async function runProgram(
  words: readonly string[],
  input: string,
  signal: AbortSignal,
): Promise<string | null> {
  const end = await endOfProgram(words, input, signal);
  if (end === null || end.status === 0) return end?.output ?? null;
  throw new ProgramFailed(failureText(words, end));
}

/** `iptables-restore --noflush failed (2): …`, or `iptables-save was ended by SIGSEGV` */
export function failureText(words: readonly string[], { status, signal, complaint }: ProgramEnd): string {
  const how = signal === null ? `failed (${status})` : `was ended by ${signal}`;
  const said = complaint.trim();
  return `${words.join(' ')} ${how}${said === '' ? '' : `: ${said}`}`;
}
