import { spawn, spawnSync } from 'node:child_process';

/** A command could not be started or exited with a status other than 0. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly command: string;
  /** The exit status; null when the program was not found or was ended by a signal. */
  readonly status: number | null;
  readonly stderr: string;

  constructor(argv: readonly string[], status: number | null, stderr: string, cause?: unknown) {
    const command = argv.join(' ');
    super(`${command}: ${stderr.trim() || `exit status ${status}`}`, { cause });
    this.command = command;
    this.status = status;
    this.stderr = stderr;
  }
}

export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Throws `CommandFailed` only when the command cannot be started; the caller judges the status. */
export function runToEnd(argv: readonly string[], input = ''): Promise<CommandResult> {
  const [program = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', (error) => reject(new CommandFailed(argv, null, error.message, error)));
    child.on('close', (status) => resolve({ status, stdout, stderr }));
    child.stdin.on('error', () => {}); // it ended without reading all: its status says why
    child.stdin.end(input);
  });
}

/** Returns the standard output. Throws `CommandFailed` for any status but 0. */
export async function run(argv: readonly string[], input = ''): Promise<string> {
  const result = await runToEnd(argv, input);
  if (result.status !== 0) throw new CommandFailed(argv, result.status, result.stderr);
  return result.stdout;
}

/** As `runToEnd`, but blocking: for the end of a process, when nothing asynchronous runs any more. */
export function runToEndSync(argv: readonly string[], input = ''): CommandResult {
  const [program = '', ...args] = argv;
  const { status, stdout, stderr, error } = spawnSync(program, args, { input, encoding: 'utf8' });
  if (error !== undefined) throw new CommandFailed(argv, null, error.message, error);
  return { status, stdout, stderr };
}
