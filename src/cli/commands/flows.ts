import { type Command, Option } from 'commander';
import { flowQuestion } from '../../forms/questions.ts';
import type { Context } from '../context.ts';
import { addSettings } from '../options/commander.ts';
import { addQuestion, examples, valuesOf } from './command.ts';
import type { FlowsValues } from './flows-run.ts';

const WHAT = 'Instead of the list:';

export function addFlowsCommand(program: Command, context: Context): void {
  const command = program
    .command('flows')
    .summary('list translated connections, with names')
    .description(
      'Lists the translated connections of this network namespace: sender, destination, the endpoint that answers,\n' +
        'the address they leave with, and the object that translates them. The agent adds the names; without an\n' +
        'agent only addresses are listed. docs/flows.md.',
    )
    .action(async () => {
      const { flows } = await import('./flows-run.ts');
      await flows(await valuesOf<FlowsValues>(command, context), context);
    });
  addQuestion(command, flowQuestion, 'Which flows:');
  const option = (flags: string, help: string) => command.addOption(new Option(flags, help).helpGroup(WHAT));
  option('--watch', 'show flows as they begin, change and end, until interrupted');
  option('--flush', 'with --stale: end these flows, so that they begin again with the present translation');
  option('--rates', 'traffic of bindings, Services and pools');
  option('--seconds <NUMBER>', 'with --rates: seconds between the two readings (default: 2)');
  option('--ports', 'use of source ports, by address and destination');
  option('--who <ADDRESS:PORT>', 'which Pod used this address and port (from the attribution log)');
  option('--at <TIME>', 'with --who: the time, such as 2026-01-31T15:04:05Z (default: now)');
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
