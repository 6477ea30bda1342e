import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { addSettings } from '../options/commander.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';
import { examples, valuesOf } from './command.ts';

export function addVersionCommand(program: Command, context: Context): void {
  const command = program
    .command('version')
    .summary('print the versions of knat, Node.js, nft and the kernel')
    .description('Prints the versions to name in an error report.')
    .action(async () => {
      const { output } = await valuesOf<SettingValues>(command, context);
      const { hostVersions } = await import('../../agent/versions.ts');
      const versions = { version: context.version, ...(await hostVersions(new AbortController().signal)) };
      await printData(context.terminal, output, versions, () => {
        context.terminal.print(`knat ${versions.version}`);
        context.terminal.print(`Node.js ${versions.node}`);
        context.terminal.print(`nft ${versions.nft ?? '(not installed)'}`);
        context.terminal.print(`Linux ${versions.kernel}`);
      });
    });
  addSettings(command, ['output', 'logLevel']);
  command.addHelpText('after', examples(['knat version', 'knat version -o json']));
}
