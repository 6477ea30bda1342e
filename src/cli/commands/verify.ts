import { type Command, Option } from 'commander';
import type { Context } from '../context.ts';
import { addConfigOption, addSettings } from '../options/commander.ts';
import { PLAN_SETTINGS } from '../options/plan-settings-names.ts';
import { examples, valuesOf } from './command.ts';
import type { VerifyValues } from './verify-run.ts';

export function addVerifyCommand(program: Command, context: Context): void {
  const command = program
    .command('verify')
    .argument('<file>', 'the expectations, YAML or JSON; - reads standard input')
    .summary('check the outcome for packets against a file of expectations')
    .description(
      'Checks expectations ("this pod reaches the outside as 203.0.113.7") against manifests or a cluster, without\n' +
        'rights and without a kernel. Ends with status 1 if one is not met, for use in pipelines.',
    )
    .action(async (file: string) => {
      const { verify } = await import('./verify-run.ts');
      await verify(file, await valuesOf<VerifyValues>(command, context), context);
    });
  command.addOption(
    new Option('--junit <FILE>', 'also write the results as JUnit XML, for a pipeline').helpGroup('Output:'),
  );
  addSettings(command, PLAN_SETTINGS);
  addConfigOption(command);
  addSettings(command, ['strict', 'output', 'logLevel']);
  command.addHelpText(
    'after',
    `
An expectation names a packet as knat explain does, and what should become of it:

  node: worker-1                  # for expectations that name none
  expectations:
    - name: the mail server speaks with its own address
      from: pod/mail/postfix-0    # seen by the pod's own node unless node says otherwise
      to: 198.51.100.10:25
      as: 203.0.113.25            # or same, node, node/NAME
    - name: the shop is served by its pods alone
      from: 198.51.100.9
      to: svc/shop/web:http
      reaches: [pod/shop/web-0:8080, pod/shop/web-1:8080]
    - from: 198.51.100.9
      to: 203.0.113.11:6443
      verdict: none               # dnat, snat, none, drop or reject
${examples([
  'knat verify expectations.yaml --source dir:manifests',
  'knat verify expectations.yaml --source kubernetes --junit report.xml',
])}`,
  );
}
