import { type Command, Option } from 'commander';
import { flowQuestion } from '../../forms/questions.ts';
import type { Context } from '../context.ts';
import { addSettings } from '../options/commander.ts';
import { addQuestion, examples, valuesOf } from './command.ts';
import type { FlowsValues } from './flows-run.ts';

const WHAT = 'What to do, instead of listing flows:';

export function addFlowsCommand(program: Command, context: Context): void {
  const command = program
    .command('flows')
    .summary('the connections that are translated now, with names')
    .description(
      'Lists the translated connections of this network namespace: who began them, what was dialled, who answers,\n' +
        'which address they leave with, and which object that comes from. The agent knows the names; when none\n' +
        'runs, addresses alone are listed. docs/flows.md.',
    )
    .action(async () => {
      const { flows } = await import('./flows-run.ts');
      await flows(await valuesOf<FlowsValues>(command, context), context);
    });
  addQuestion(command, flowQuestion, 'Which flows:');
  const option = (flags: string, help: string) => command.addOption(new Option(flags, help).helpGroup(WHAT));
  option('--watch', 'show flows as they begin, change and end, until interrupted');
  option('--flush', 'with --stale: end these flows, so that they begin anew with the translation of now');
  option('--rates', 'how much bindings, Services and pools translate');
  option('--seconds <NUMBER>', 'with --rates: look at the table twice, so many seconds apart (default: 2)');
  option('--ports', 'how full the source ports are, by address and destination');
  option('--who <ADDRESS:PORT>', 'which Pod was behind this address and port, by the attribution log');
  option('--at <TIME>', 'with --who: when, such as 2026-01-31T15:04:05Z (default: now)');
  addSettings(command, ['output', 'logLevel']);
  command.addHelpText(
    'after',
    examples([
      'knat flows',
      'knat flows --pod shop/web-0 --watch',
      'knat flows --kind egress --address 198.51.100.0/24 -o json',
      'knat flows --stale --flush',
      'knat flows --who 203.0.113.7:40001 --at 2026-01-31T15:04:05Z',
    ]),
  );
}
