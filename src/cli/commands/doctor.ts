import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { addConfigOption, addSettings } from '../options/commander.ts';
import { PLAN_SETTINGS } from '../options/plan-settings-names.ts';
import type { SettingValues } from '../options/table.ts';
import { examples, valuesOf } from './command.ts';

export function addDoctorCommand(program: Command, context: Context): void {
  const command = program
    .command('doctor')
    .summary('find what on this host prevents NAT, with remedies')
    .description(
      'Checks this host, or the network namespace in which it runs: kernel, forwarding, filters, rules of other\n' +
        'programs, limits for connections. Changes nothing. Ends with status 1 if it finds an error.',
    )
    .action(async () => {
      const { doctor } = await import('./doctor-run.ts');
      await doctor(await valuesOf<SettingValues>(command, context), context);
    });
  addSettings(command, PLAN_SETTINGS);
  addConfigOption(command);
  addSettings(command, ['output', 'logLevel']);
  command.addHelpText(
    'after',
    examples([
      'knat doctor',
      'knat doctor -o json',
      'knat doctor --source dir:/etc/knat/manifests --node worker-1',
    ]),
  );
}
