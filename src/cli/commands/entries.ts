import type { Command } from 'commander';
import { entryQuestion } from '../../forms/questions.ts';
import type { Context } from '../context.ts';
import { addSettings } from '../options/commander.ts';
import { addQuestion, examples, valuesOf } from './command.ts';
import type { EntriesValues } from './entries-run.ts';

export function addEntriesCommand(program: Command, context: Context): void {
  const { search, ...options } = entryQuestion;
  const command = program
    .command('entries')
    .argument('[text]', search.help)
    .summary('list what is programmed, entry by entry')
    .description(
      'Lists the entries of the plan of this network namespace, each with its object, and what objects asked for\n' +
        'but did not get, with the reason.',
    )
    .action(async (text: string | undefined) => {
      const { entries } = await import('./entries-run.ts');
      await entries(text ?? null, await valuesOf<EntriesValues>(command, context), context);
    });
  addQuestion(command, options, 'Which entries:');
  addSettings(command, ['output', 'logLevel']);
  command.addHelpText(
    'after',
    examples([
      'knat entries',
      'knat entries --kind binding',
      'knat entries --kind refused                  # what was refused, and why',
      'knat entries --object shop/web -o json',
      'knat entries 203.0.113.7',
    ]),
  );
}
