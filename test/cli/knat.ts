/** Runs the built program as a user does: `make test` builds it first. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin', import.meta.url));
const MAIN = fileURLToPath(new URL('../../dist/start/start.cjs', import.meta.url));

/** How a command ended, and what it printed. */
export interface Ended {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Command line before ours: `['setpriv', …]`. */
  readonly through?: readonly string[];
  /** `main.js` of another build than this checkout's. */
  readonly main?: string;
  /** An executable of `bin/`, started by this name instead. */
  readonly executable?: string;
}

/** A running command. */
export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when standard error has this text; rejects when the command ends before, or after 45 seconds. */
  errorsHave(text: string): Promise<void>;
}

export function startKnat(args: readonly string[], options: RunOptions = {}): Running {
  const main = options.main ?? MAIN;
  if (!existsSync(main)) throw new Error('the program is not built: run npm run build');
  const program =
    options.executable === undefined ? [process.execPath, main] : [join(BIN, options.executable)];
  const [command = '', ...rest] = [...(options.through ?? []), ...program, ...args];
  const child = spawn(command, rest, { env: { PATH: process.env.PATH, ...options.environment } });
  let output = '';
  let errors = '';
  const listeners = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
    for (const listener of listeners) listener();
  });
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, output, errors }));
  });
  const errorsHave = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!errors.includes(text)) return;
        clearTimeout(timer);
        listeners.delete(look);
        resolve();
      };
      const timer = setTimeout(() => reject(new Error(`no "${text}" in:\n${errors}`)), 45_000);
      void ended.then(() => reject(new Error(`it ended without "${text}":\n${errors}`)));
      listeners.add(look);
      look();
    });
  return { process: child, ended, errorsHave };
}

export async function knat(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return await startKnat(args, options).ended;
}
