import { type Command, Option } from 'commander';
import type { Context } from '../context.ts';
import { addConfigOption, addSettings } from '../options/commander.ts';
import { PLAN_SETTINGS } from '../options/plan-settings-names.ts';
import { examples, valuesOf } from './command.ts';
import type { DiffValues } from './diff-run.ts';

export function addDiffCommand(program: Command, context: Context): void {
  const command = program
    .command('diff')
    .summary('show differences between the plan and the kernel')
    .description(
      'Compares the plan with the kernel of this network namespace, by object and by element, and writes nothing.\n' +
        'Uses the plan of the running agent; with --source it reads the objects itself, as agent --dry-run does.\n' +
        'Ends with status 1 if something differs. docs/explain.md.',
    )
    .action(async () => {
      const { diff } = await import('./diff-run.ts');
      await diff(await valuesOf<DiffValues>(command, context), context);
    });
  command.addOption(
    new Option('--agent', 'ask the running agent, even if a source is set').helpGroup('Source and node:'),
  );
  addSettings(command, PLAN_SETTINGS);
  addConfigOption(command);
  command.addOption(
    new Option(
      '--limit <NUMBER>',
      'list at most this many elements; all are counted (default: 1000)',
    ).helpGroup('Output:'),
  );
  addSettings(command, ['output', 'logLevel']);
  command.addHelpText(
    'after',
    examples([
      'knat diff',
      'knat diff --source dir:/etc/knat/manifests',
      'knat diff --limit 0                          # only numbers by object',
      'knat diff -o json',
    ]),
  );
}
