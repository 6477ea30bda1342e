import type { PortUsageSample, RatesAnswer, WhoAnswer } from '../../forms/flows.ts';
import { formatEndpoint } from '../../net/address.ts';
import type { Context } from '../context.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';
import { printTable } from '../table.ts';

export async function printRates(
  answer: RatesAnswer,
  { output }: SettingValues,
  context: Context,
): Promise<void> {
  const { terminal } = context;
  const { rates } = answer;
  await printData(terminal, output, answer, () => {
    printTable(
      terminal,
      ['KIND', 'OBJECT', 'FLOWS', 'NEW/S', 'PACKETS/S', 'BYTES/S'],
      rates.map((rate) => [
        rate.kind,
        rate.object,
        String(rate.flows),
        String(rate.newFlowsPerSecond),
        String(rate.packetsPerSecond ?? ''),
        String(rate.bytesPerSecond ?? ''),
      ]),
    );
    if (answer.measured !== undefined && answer.measured < 1) {
      terminal.printErrorLine(`estimated: 1 of ${1 / answer.measured} connections was measured`);
    }
    if (rates.length > 0 && rates.every(({ bytesPerSecond }) => bytesPerSecond === null)) {
      terminal.printErrorLine(
        'no packets and bytes without accounting: sysctl net.netfilter.nf_conntrack_acct=1',
      );
    }
  });
}

export async function printPorts(
  sample: PortUsageSample | null,
  { output }: SettingValues,
  context: Context,
): Promise<void> {
  const { terminal } = context;
  await printData(terminal, output, sample, () => {
    if (sample === null) {
      terminal.print('The agent has not counted yet: it counts when it starts, and then every 30 seconds.');
      return;
    }
    printTable(
      terminal,
      ['PROTO', 'ADDRESS', 'DESTINATION', 'TAKEN', 'OF', 'FULL', 'MOST BY'],
      sample.tuples.map((tuple) => [
        tuple.protocol,
        tuple.address,
        formatEndpoint(tuple.destination, tuple.destinationPort),
        String(tuple.used),
        String(tuple.capacity),
        `${Math.floor(tuple.share * 100)} %`,
        tuple.sources.map(({ name, flows }) => `${name} (${flows})`).join(', '),
      ]),
    );
    terminal.printErrorLine(
      `counted at ${sample.at}, ${sample.entries} connections in ${sample.milliseconds} ms`,
    );
  });
}

function printOwners(
  owners: NonNullable<WhoAnswer['owners']>,
  { address, at }: WhoAnswer['asked'],
  { terminal }: Context,
): void {
  if (owners.length === 0) {
    terminal.print(`By the plan, no object could use ${address} at ${at}; masqueraded connections could.`);
    return;
  }
  printTable(
    terminal,
    ['WHO', 'WHY', 'NOTE'],
    owners.map(({ name, why, certain }) => [name, why, certain ? '' : 'others may have used the port too']),
  );
}

export async function printWho(
  answer: WhoAnswer,
  { output }: SettingValues,
  context: Context,
): Promise<void> {
  const { terminal } = context;
  const { asked, flows, gap, logBegins } = answer;
  await printData(terminal, output, answer, () => {
    if (flows.length > 0) {
      printTable(
        terminal,
        ['PROTO', 'WHO', 'SOURCE', 'TO', 'SINCE', 'UNTIL', 'NOTE'],
        flows.map((flow) => [
          flow.protocol,
          flow.name ?? 'nobody known',
          flow.source,
          flow.destination,
          flow.since ?? 'earlier',
          flow.until ?? '',
          flow.certain ? '' : 'uncertain: the log has a gap here',
        ]),
      );
    } else if (answer.owners !== undefined) printOwners(answer.owners, asked, context);
    else terminal.print(`The log has no user of ${asked.address} at ${asked.at}.`);
    if (answer.owners !== undefined) terminal.printErrorLine(gap ?? '');
    else if (logBegins === null) terminal.printErrorLine('the log is empty');
    else if (gap !== null)
      terminal.printErrorLine(`the log is incomplete at that time: ${gap}; it begins at ${logBegins}`);
  });
}
