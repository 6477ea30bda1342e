import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { addSettings } from '../options/commander.ts';
import { DEFAULT_PODNAT_PREFIX } from '../options/readers.ts';
import type { SettingValues } from '../options/table.ts';
import { examples, valuesOf } from './command.ts';

interface CleanupValues extends SettingValues {
  readonly force?: true;
  readonly podnatController?: true;
}

export function addCleanupCommand(program: Command, context: Context): void {
  const command = program
    .command('cleanup')
    .summary('remove everything of knat from the kernel, and nothing else')
    .description(
      'Removes the tables of knat from this network namespace, its rule in FORWARD chains of iptables and its\n' +
        'rules of policy routing, and prints their names. Connections that are established may lose their NAT. Refused while an agent runs, since it would put everything back at once.',
    )
    .option('--force', 'also while an agent runs')
    .option('--podnat-controller', 'the chains of podnat-controller too: what one that is gone for good left')
    .action(async () => {
      const { cleanUp } = await import('./cleanup-run.ts');
      const values = await valuesOf<CleanupValues>(command, context);
      const { force = false, podnatController = false, podnatPrefix = DEFAULT_PODNAT_PREFIX } = values;
      await cleanUp({ force, podnatController, podnatPrefix }, values.output, context);
    });
  addSettings(command, ['podnatPrefix', 'output', 'logLevel']);
  command.addHelpText(
    'after',
    examples(['knat cleanup', 'knat cleanup --podnat-controller', 'ip netns exec worker-1 knat cleanup']),
  );
}
