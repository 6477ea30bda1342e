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
    .summary('remove everything that knat made in the kernel, and nothing else')
    .description(
      'Removes the tables of knat from this network namespace, its rule in FORWARD chains of iptables and its\n' +
        'routing rules, and prints their names. Established connections may lose their NAT. Refused while an agent\n' +
        'runs, because the agent would add everything again at once.',
    )
    .option('--force', 'clean up even while an agent runs')
    .option('--podnat-controller', 'also remove the chains that a former podnat-controller left')
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
