import { fstatSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';
import { isatty } from 'node:tty';
import { CommanderError } from 'commander';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { reportError } from './report-error.ts';
import { Terminal, type TerminalStream, terminalOptions } from './terminal.ts';

/** The name under which the agent starts this program for one question about the past. */
const PAST_TITLE = 'knat-history';

/** The program `knat`, also under the names podnat-controller and kubectl-knat. */

const { env, stdout } = process;

const context: Context = {
  version: packageVersion(),
  terminal: new Terminal(stdout, errorStream(), terminalOptions(env)),
  // By default the kubelet names a node by its host name in lower case.
  defaultNode: env.NODE_NAME ?? hostname().toLowerCase(),
  readInput: async () => await text(process.stdin),
  exit: EXIT.ok,
  debug: false,
};

stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.ok); // whoever read our output has seen enough
});
process.on('uncaughtException', (error) => {
  fail(error);
  process.exit();
});

runProgram(process.argv.slice(2)).then(
  () => {
    process.exitCode = context.exit;
  },
  (error: unknown) => {
    // Commander has already printed its message or the help.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    else fail(error);
  },
);

/** Loads only the program that is used. */
async function runProgram(words: readonly string[]): Promise<void> {
  // bin/knat passes on its own name. kubectl runs kubectl-knat on the PATH as `kubectl knat`.
  switch (process.title) {
    case 'podnat-controller': {
      const { runPodnatController } = await import('./podnat/program.ts');
      return await runPodnatController(words, context);
    }
    case 'kubectl-knat': {
      const { runKubectlPlugin } = await import('./kubectl/program.ts');
      const { stdin, stderr } = process;
      const isTerminal = [stdin, stdout, stderr].every(({ isTTY }) => isTTY === true);
      const noColor = (env.NO_COLOR ?? '') !== '';
      return await runKubectlPlugin(words, context, { isTerminal, noColor });
    }
    case PAST_TITLE: {
      const { answerPast } = await import('../agent/past-process.ts');
      stdout.write(await answerPast(await context.readInput(), Date.now));
      return;
    }
    case 'knat-what-if': {
      const { answerWhatIf } = await import('../agent/what-if/answering.ts');
      return await answerWhatIf();
    }
    default: {
      if (words[0] === 'complete') {
        const { complete } = await import('./completion/complete.ts');
        return await complete(context, words.slice(words[1] === '--' ? 2 : 1));
      }
      const { createProgram } = await import('./program.ts');
      await createProgram(context, words).parseAsync();
    }
  }
}

/** Standard error; Node.js opens it when something is written. */
function errorStream(): TerminalStream {
  return {
    get isTTY() {
      // Asking the file first saves the load of a module in most cases.
      return fstatSync(2).isCharacterDevice() && isatty(2);
    },
    get columns() {
      return process.stderr.columns;
    },
    write: (text) => process.stderr.write(text),
  };
}

function fail(error: unknown): void {
  const report = reportError(error, context.debug);
  context.terminal.printError(report.text);
  process.exitCode = report.exit;
}

function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
