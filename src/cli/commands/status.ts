import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { addSettings } from '../options/commander.ts';
import type { SettingValues } from '../options/table.ts';
import { examples, valuesOf } from './command.ts';

export function addStatusCommand(program: Command, context: Context): void {
  const command = program
    .command('status')
    .summary('what the agent does, and what is wrong')
    .description(
      'Shows what the agent of this network namespace has programmed and what it could not do. Ends with\n' +
        'status 1 while the kernel cannot be made to match. When no agent runs: shows what of ours the kernel\n' +
        'holds, and ends with status 4.',
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
