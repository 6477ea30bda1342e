import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { addSettings } from '../options/commander.ts';
import type { SettingValues } from '../options/table.ts';
import { examples, valuesOf } from './command.ts';

interface CleanupValues extends SettingValues {
  readonly force?: true;
}

export function addCleanupCommand(program: Command, context: Context): void {
  const command = program
    .command('cleanup')
    .summary('remove everything of knat from the kernel, and nothing else')
    .description(
      'Removes the tables of knat from this network namespace, and its rule in FORWARD chains of iptables, and\n' +
        'prints their names. Connections that are established may lose their NAT. Refused while an agent runs, since it would put everything back at once.',
    )
    .option('--force', 'also while an agent runs')
    .action(async () => {
      const { cleanUp } = await import('./cleanup-run.ts');
      const { force, output } = await valuesOf<CleanupValues>(command, context);
      await cleanUp(force === true, output, context);
    });
  addSettings(command, ['output', 'logLevel']);
  command.addHelpText('after', examples(['knat cleanup', 'ip netns exec worker-1 knat cleanup']));
}
