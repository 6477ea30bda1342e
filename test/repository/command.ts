/** Runs a command of knat in this process, as the program would, with a terminal of any width. */
import { PassThrough } from 'node:stream';
import { CommanderError } from 'commander';
import type { Context } from '../../src/cli/context.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { createProgram } from '../../src/cli/program.ts';
import { reportError } from '../../src/cli/report-error.ts';
import { Terminal, type TerminalOptions } from '../../src/cli/terminal.ts';

/** How a command ended, and what it printed. */
export interface Ended {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

/** A context whose output can be read. */
export function listeningContext(options: TerminalOptions = {}, input = '') {
  const output = new PassThrough({ encoding: 'utf8', highWaterMark: 2 ** 26 });
  const errors = new PassThrough({ encoding: 'utf8', highWaterMark: 2 ** 26 });
  const context: Context = {
    version: '0.0.0',
    terminal: new Terminal(output, errors, options),
    defaultNode: 'node',
    readInput: async () => input,
    exit: EXIT.ok,
    debug: false,
  };
  return {
    context,
    printed: () => ({ output: String(output.read() ?? ''), errors: String(errors.read() ?? '') }),
  };
}

export async function runCommand(
  words: readonly string[],
  options: TerminalOptions = {},
  input = '',
): Promise<Ended> {
  const { context, printed } = listeningContext(options, input);
  const program = createProgram(context);
  const write = (text: string) => context.terminal.printError(text.trimEnd());
  for (const command of [program, ...program.commands]) {
    command.configureOutput({ writeOut: (text) => context.terminal.print(text), writeErr: write });
  }
  try {
    await program.parseAsync(words, { from: 'user' });
    return { status: context.exit, ...printed() };
  } catch (error) {
    if (error instanceof CommanderError) {
      return { status: error.exitCode === 0 ? EXIT.ok : EXIT.usage, ...printed() };
    }
    const report = reportError(error, false);
    context.terminal.printError(report.text);
    return { status: report.exit, ...printed() };
  }
}
