import { abortWhenAsked } from '../../agent/signals.ts';
import { runDemo } from '../../demo/demo.ts';
import type { Family } from '../../net/family.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { SettingValues } from '../options/table.ts';

const FAMILIES_OF: Readonly<Record<string, readonly Family[]>> = {
  ipv4: ['IPv4'],
  ipv6: ['IPv6'],
  both: ['IPv4', 'IPv6'],
};

export interface DemoValues extends SettingValues {
  readonly family: string;
  readonly keep?: true;
  readonly wait: boolean;
}

/** Exit status 1 if a translation is not as expected. */
export async function demo({ family, keep, wait }: DemoValues, context: Context): Promise<void> {
  const { terminal } = context;
  const { bold, dim, green, red } = terminal.colors;
  const isWatched = terminal.width !== null && process.stdin.isTTY === true;
  // A closed terminal also ends the demo. The listener stays: without it the lab would end the process first.
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
