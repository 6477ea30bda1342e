import { expect, test } from 'vitest';
import { runCommand } from './command.ts';

/** What `knat webhook` says about its options; its work has tests in src/webhook and test/cluster. */

const source = ['--source', 'kubernetes'];
const rest = ['--secret', 'knat/a', '--service', 'knat/b', '--configuration', 'c'];

test.each([
  [[], 'a webhook works for a cluster: add --source kubernetes'],
  [['--source', 'dir:examples/demo', ...rest], 'a webhook works for a cluster: add --source kubernetes'],
  [source, 'add --secret, --service and --configuration, as the chart does'],
  [[...source, ...rest, '--secret', 'a'], '--secret: "a": write NAMESPACE/NAME'],
  [[...source, ...rest, '--service', 'Knat/b'], '--service: "Knat/b": write NAMESPACE/NAME'],
  [[...source, ...rest, '--listen', 'all'], '--listen: "all" is no ADDRESS:PORT'],
  [[...source, ...rest, '--listen', ''], '--listen: an address is needed'],
])('%j is wrong usage', async (args, message) => {
  const { status, errors } = await runCommand(['webhook', ...args]);
  expect([status, errors]).toEqual([2, expect.stringContaining(message)]);
});
