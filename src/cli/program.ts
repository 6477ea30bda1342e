import { Command, type Option } from 'commander';
import { addCommand } from './commands/command.ts';
import { commands } from './commands/declarations.ts';
import type { Context } from './context.ts';
import { exitMeanings } from './exit-codes.ts';

/**
 * Every command. A command's own code is loaded when it runs.
 *
 * @param words of the command line; only commands that are named there get their options. Null: all
 */
export function createProgram(context: Context, words: readonly string[] | null = null): Command {
  const program = new Command('knat')
    .description('Does all the network address translation of a node: Services, Pod NAT, egress pools.')
    .version(context.version, '-V, --version', 'only the version of knat')
    .helpOption('-h, --help', 'this text; knat COMMAND --help for a command')
    .configureHelp({ optionTerm: optionText, showGlobalOptions: false })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error:/, 'knat:')) })
    .exitOverride()
    .showHelpAfterError('(see --help)');
  for (const declaration of commands) {
    const isNamed = words === null || words.includes(declaration.name);
    addCommand(program, declaration, context, isNamed);
  }
  return program.addHelpText('after', `\n${footer()}`);
}

/** Omits `=true` and `=false`, which switches also take. */
function optionText(option: Option): string {
  return option.flags.replace(' [true|false]', '');
}

function footer(): string {
  const statuses = Object.entries(exitMeanings).map(([code, meaning]) => `  ${code.padStart(2)}  ${meaning}`);
  return `Examples:
  knat agent --source dir:/etc/knat/manifests
  knat explain --from 10.244.1.5 --to 10.96.0.10:53 --proto udp
  knat status

Options with a KNAT_ name can also be set by that environment variable, or in camelCase in the file of --config.
The command line takes precedence over the environment, the environment over the file. NO_COLOR turns colours off.

Exit status:
${statuses.join('\n')}
`;
}
