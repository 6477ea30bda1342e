import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { addSettings } from '../options/commander.ts';
import type { SettingValues } from '../options/table.ts';
import { examples, valuesOf } from './command.ts';

export function addStatusCommand(program: Command, context: Context): void {
  const command = program
    .command('status')
    .summary('show what is programmed, and problems')
    .description(
      'Shows what the agent of this network namespace has programmed, and its problems. Ends with status 1 while\n' +
        'the kernel refuses changes. If no agent runs, it shows the tables of knat in the kernel and ends with\n' +
        'status 4.',
    )
    .action(async () => {
      const { status } = await import('./status-run.ts');
      await status(await valuesOf<SettingValues>(command, context), context);
    });
  addSettings(command, ['output', 'logLevel']);
  command.addHelpText(
    'after',
    examples(['knat status', 'knat status -o json | jq .problems', 'ip netns exec worker-1 knat status']),
  );
}
