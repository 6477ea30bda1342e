import { relative } from 'node:path';
import type { Cluster } from '../lab/cluster.ts';
import { type LogLine, PROGRAM } from './agent-process.ts';
import type { DemoFolder } from './manifests.ts';
import type { Display } from './teller.ts';

/** Prints commands for another terminal, ready to be pasted into bash, and the address of the page, if there is one. */
export function tellHowToLookAround(
  display: Display,
  cluster: Cluster,
  folder: DemoFolder,
  page: string | null,
): void {
  const { print, strong, dim } = display;
  const fromHere = relative(process.cwd(), PROGRAM);
  const knat = fromHere.startsWith('..') ? PROGRAM : fromHere;
  const { name, host } = cluster.node('node1');
  const namespace = host.namespace.slice(0, -`-${name}`.length);
  print('');
  print(strong('All of this stays until Ctrl-C. In another terminal, as root, in this folder:'));
  print('');
  print(`  ns="ip netns exec ${namespace}"`);
  print(`  $ns-node1 ${knat} status`);
  print(`  $ns-node1 ${knat} explain --from 10.244.1.12 --to 198.51.100.10 --port 443`);
  print('  $ns-node1 nft list table ip knat');
  print('  $ns-node2 conntrack -L');
  print(`  $ns-desk bash -c 'cat < /dev/tcp/10.96.0.10/80'       ${dim('# which pod answers?')}`);
  print(`  $ns-client bash -c 'cat < /dev/tcp/203.0.113.25/587'  ${dim('# whom does it see?')}`);
  print('');
  if (page !== null) {
    print('What node1 translates, in a browser on this machine:');
    print('');
    print(`  ${page}`);
    print('');
  }
  print('Edit these files and watch what the agents do (below), and who answers then:');
  print('');
  print(`  ${folder.manifests}`);
  print(`  ${folder.logFile('*')}`);
  print('');
}

/** Prints a line of an agent's log in brief. */
export function tellLogLine({ print, dim, bad }: Display, node: string, line: LogLine): void {
  const { level, msg, elementsAdded, elementsDeleted, milliseconds } = line;
  const counts =
    elementsAdded === undefined
      ? ''
      : `: ${elementsAdded} elements added, ${elementsDeleted} deleted, ${milliseconds} ms`;
  const paint = level === 'warn' || level === 'error' ? bad : dim;
  print(paint(`  ${node}  ${msg}${counts}`));
}
