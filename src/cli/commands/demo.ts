import { type Command, Option } from 'commander';
import type { Family } from '../../net/family.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from './command.ts';

const FAMILIES_OF: Readonly<Record<string, readonly Family[]>> = {
  ipv4: ['IPv4'],
  ipv6: ['IPv6'],
  both: ['IPv4', 'IPv6'],
};

interface DemoValues {
  readonly family: string;
  readonly keep?: true;
  readonly wait: boolean;
}

export function addDemoCommand(program: Command, context: Context): void {
  program
    .command('demo')
    .summary('show how real packets are translated, in network namespaces of this machine')
    .description(
      'Builds two nodes, pods and an outside from network namespaces, runs an agent in each node with one folder of\n' +
        'manifests, connects through every kind of NAT, changes manifests and shows the effect. On a terminal it\n' +
        'keeps running until Ctrl-C. No packet leaves this machine, and everything is removed at the end. Needs root.',
    )
    .addOption(
      new Option('--family <FAMILY>', 'ipv4, ipv6 or both').choices(Object.keys(FAMILIES_OF)).default('both'),
    )
    .addOption(new Option('--keep', 'keep running until Ctrl-C, even without a terminal'))
    .addOption(new Option('--no-wait', 'end after the last step, even on a terminal'))
    .addHelpText('after', examples(['knat demo', 'knat demo --no-wait   # status 0: everything as expected']))
    .action(async (values: DemoValues) => run(values, context));
}

async function run({ family, keep, wait }: DemoValues, context: Context): Promise<void> {
  const { abortWhenAsked } = await import('../../agent/signals.ts');
  const { runDemo } = await import('../../demo/demo.ts');
  const { terminal } = context;
  const { bold, dim, green, red } = terminal.colors;
  const isWatched = terminal.width !== null && process.stdin.isTTY === true;
  // A closed terminal also ends the demo. The listener stays, or the lab would end the process first.
  const hangUp = new AbortController();
  process.on('SIGHUP', () => hangUp.abort());
  const signal = AbortSignal.any([abortWhenAsked(), hangUp.signal]);
  try {
    const outcomes = await runDemo(
      {
        families: FAMILIES_OF[family] ?? [],
        stay: keep === true || (wait && isWatched),
        display: { print: (line) => terminal.printBlock(line), strong: bold, dim, good: green, bad: red },
      },
      signal,
    );
    context.exit = outcomes.every(({ asExpected }) => asExpected) ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (!signal.aborted) throw error;
    terminal.printError('knat: demo stopped before its end; everything that it made is removed');
    context.exit = EXIT.failed;
  }
}
