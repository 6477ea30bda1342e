import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';
import { CommanderError } from 'commander';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { KUBECTL_PLUGIN, runKubectlPlugin } from './kubectl/program.ts';
import { PODNAT_CONTROLLER, runPodnatController } from './podnat/program.ts';
import { createProgram } from './program.ts';
import { reportError } from './report-error.ts';
import { Terminal, terminalOptions } from './terminal.ts';

/** The program `knat`, also under the names of podnat-controller and kubectl-knat: hands the process to the commands and ends it with their status. */

const { env, stdin, stdout, stderr } = process;
const surroundings = {
  isTerminal: [stdin, stdout, stderr].every(({ isTTY }) => isTTY === true),
  noColor: (env.NO_COLOR ?? '') !== '',
};

const context: Context = {
  version: packageVersion(),
  terminal: new Terminal(stdout, stderr, terminalOptions(env)),
  // The kubelet calls a node by its host name in lower case unless told otherwise.
  defaultNode: env.NODE_NAME ?? hostname().toLowerCase(),
  readInput: async () => await text(stdin),
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

try {
  // bin/knat hands over the name that it was started by.
  const words = process.argv.slice(2);
  if (process.title === PODNAT_CONTROLLER) await runPodnatController(words, context);
  else if (process.title === KUBECTL_PLUGIN) await runKubectlPlugin(words, context, surroundings);
  else await createProgram(context).parseAsync();
  process.exitCode = context.exit;
} catch (error) {
  // Commander has printed its own message, or the help that was asked for.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else fail(error);
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
