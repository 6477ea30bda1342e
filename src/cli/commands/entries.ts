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
    .summary('what is programmed, entry by entry')
    .description(
      'Lists what the agent of this network namespace wants in the kernel, each entry with its object, and what\n' +
        'objects want and do not have, with the reason.',
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
      'knat entries --kind refused                  # who did not get what, and why',
      'knat entries --object shop/web -o json',
      'knat entries 203.0.113.7',
    ]),
  );
}
