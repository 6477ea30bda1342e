import { type Command, Option } from 'commander';
import type { Context } from '../context.ts';
import { addSettings } from '../options/commander.ts';
import { examples, valuesOf } from './command.ts';
import type { FlowsValues } from './flows-run.ts';

const WHICH = 'Which flows:';
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
  const option = (flags: string, help: string, group: string) =>
    command.addOption(new Option(flags, help).helpGroup(group));
  option('--pod <NAMESPACE/NAME>', 'those that this Pod began or answers', WHICH);
  option('--service <NAMESPACE/NAME>', 'those that this Service translates', WHICH);
  option('--protocol <NAME>', 'those of a protocol: tcp, udp, sctp, icmp', WHICH);
  option('--address <ADDRESS>', 'those that have this address anywhere, or one of this CIDR', WHICH);
  option(
    '--search <TEXT>',
    'those that have this text in an address or a name, or an address of this CIDR',
    WHICH,
  );
  option(
    '--kind <KINDS>',
    'with commas: service, pod, egress, other (translated by another program); none (not translated)',
    WHICH,
  );
  option('--stale', 'those that pools, rules and bindings of now would translate otherwise', WHICH);
  option('--limit <NUMBER>', 'at most so many', WHICH);
  option('--watch', 'show flows as they begin, change and end, until interrupted', WHAT);
  option(
    '--flush',
    'with --stale: end these flows, so that they begin anew with the translation of now',
    WHAT,
  );
  option('--rates', 'how much bindings, Services and pools translate', WHAT);
  option(
    '--seconds <NUMBER>',
    'with --rates: look at the table twice, so many seconds apart (default: 2)',
    WHAT,
  );
  option('--ports', 'how full the source ports are, by address and destination', WHAT);
  option('--who <ADDRESS:PORT>', 'which Pod was behind this address and port, by the attribution log', WHAT);
  option('--at <TIME>', 'with --who: when, such as 2026-01-31T15:04:05Z (default: now)', WHAT);
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
