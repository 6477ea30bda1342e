import { type Command, Option } from 'commander';
import { packetQuestion } from '../../forms/questions.ts';
import type { Context } from '../context.ts';
import { addConfigOption, addSettings } from '../options/commander.ts';
import { PLAN_SETTINGS } from '../options/plan-settings-names.ts';
import { addQuestion, examples, valuesOf } from './command.ts';
import type { ExplainValues } from './explain-run.ts';

const PACKET = 'The packet:';

export function addExplainCommand(program: Command, context: Context): void {
  const command = program
    .command('explain')
    .summary('show what happens to a packet, step by step, and why')
    .description(
      'Follows the first packet of a connection through the NAT of a node: each step with its object, the packet\n' +
        'before and after, and the reply. With --source it reads manifests and needs neither rights nor a kernel;\n' +
        'without, it asks the agent that runs in this network namespace.',
    )
    .action(async () => {
      const { explain } = await import('./explain-run.ts');
      await explain(await valuesOf<ExplainValues>(command, context), context);
    });
  addQuestion(command, packetQuestion, PACKET);
  command
    .addOption(
      new Option(
        '--flows <FILE>',
        'many packets at once, instead of the above: a JSON list of {sourceIP, protocol, destIP, destPort}, with inputInterface if needed; - reads standard input',
      ).helpGroup(PACKET),
    )
    .addOption(
      new Option('--agent', 'ask the running agent, even if a source is set').helpGroup('What to work on:'),
    );
  command.addOption(
    new Option(
      '--conntrack',
      'with --source, on the node itself: also look for existing connections that match the packet; the agent always does',
    ).helpGroup('What to work on:'),
  );
  addSettings(command, PLAN_SETTINGS);
  addConfigOption(command);
  addSettings(command, ['output', 'logLevel']);
  command.addHelpText(
    'after',
    examples([
      'knat explain --from 10.244.1.5 --to 10.96.0.10:53 --proto udp',
      'knat explain --from pod/shop/web-0 --to svc/shop/db:postgres --source dir:manifests --node worker-1',
      'knat explain --source dir:manifests --node worker-1 --flows flows.json -o json',
    ]),
  );
}
