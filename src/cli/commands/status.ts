import type { Observed } from '../../datapath/datapath.ts';
import type { Status } from '../../forms/status.ts';
import { formatFinding } from '../../model/finding.ts';
import { AgentNotRunning } from '../../observe/client.ts';
import { agentClient } from '../agent-client.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';
import { reportError } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';
import { planFindings } from './object-problems.ts';

export async function status(values: SettingValues, context: Context): Promise<void> {
  const { terminal } = context;
  let answer: Status;
  try {
    answer = await agentClient(context).ask('/status');
  } catch (error) {
    if (!(error instanceof AgentNotRunning)) throw error;
    await statusWithoutAgent(error, values, context);
    return;
  }
  await printData(terminal, values.output, { running: true, ...answer }, () => printStatus(answer, terminal));
  if (answer.failure !== null) context.exit = EXIT.failed;
}

/** Reads the kernel itself, if the rights suffice. */
async function statusWithoutAgent(
  error: AgentNotRunning,
  values: SettingValues,
  context: Context,
): Promise<void> {
  const { terminal } = context;
  const kernel = await lookIntoKernel().catch((why: unknown) => reportError(why, context.debug).text);
  const data =
    typeof kernel === 'string'
      ? { running: false, kernel: null, why: kernel }
      : { running: false, kernel: { ...kernel, elements: Object.fromEntries(kernel.elements) } };
  await printData(terminal, values.output, data, () => {
    if (typeof kernel === 'string') terminal.printBlock(`The kernel cannot be read.\n${kernel}`);
    else printKernel(kernel, terminal);
  });
  terminal.printError(reportError(error, context.debug).text);
  context.exit = EXIT.agent;
}

async function lookIntoKernel(): Promise<Observed> {
  const { inspectKernel } = await import('../../agent/kernel-commands.ts');
  return await inspectKernel(new AbortController().signal);
}

function printKernel({ present, skeletonIntact, elements }: Observed, terminal: Terminal): void {
  if (!present) {
    terminal.print('The kernel has no rules of knat.');
    return;
  }
  const total = [...elements.values()].reduce((sum, count) => sum + count, 0);
  terminal.printText(`The kernel has the tables of knat with ${total} elements; they are in force.`);
  if (!skeletonIntact) {
    terminal.printText('They are of another version or were edited; an agent replaces them when it starts.');
  }
  for (const [name, count] of elements) terminal.print(`  ${name.padEnd(36)} ${count}`);
}

export function printStatus(status: Status, terminal: Terminal): void {
  const { colors } = terminal;
  const row = (label: string, text: string) =>
    terminal.printText(`${colors.dim(label.padEnd(13))}${text}`, 13);
  const { programmed, failure, counts, capabilities, enabled, kubeProxy } = status;
  const on = Object.entries(enabled).filter(([, wanted]) => wanted);
  row('Node', status.node);
  row('Source', `${status.source}${status.synced ? '' : ' (not in sync yet)'}`);
  row('Agent', `knat ${status.version}, process ${status.processId}, since ${status.startedAt}`);
  row('Host', `Linux ${capabilities.kernel}`);
  row('Enabled', on.map(([kind]) => kind).join(', '));
  row(
    'Planned',
    `${counts.frontends} Service frontends, ${counts.bindings} Pod bindings, ` +
      `${counts.podSources} Pod sources, ${counts.pools} pools`,
  );
  row(
    'Programmed',
    programmed === null
      ? 'nothing yet'
      : `${programmed.at}: ${programmed.elementsAdded} elements added, ${programmed.elementsDeleted} deleted, ` +
          `in ${programmed.milliseconds} ms`,
  );
  row(
    'Kernel',
    failure === null
      ? programmed === null
        ? 'not compared yet'
        : colors.green('matches the plan')
      : colors.red(`differs from the plan since ${failure.since}: ${failure.message}`),
  );
  if (kubeProxy !== null) {
    const found = kubeProxy.found.join('; ');
    row(
      'kube-proxy',
      kubeProxy.keepsServices
        ? `does Service NAT, knat leaves it to it, since ${kubeProxy.since}: ${found}`
        : colors.red(`present since ${kubeProxy.since}: ${found}`),
    );
  }
  const findings = [...status.problems.map(formatFinding), ...planFindings(status)];
  row('Problems', findings.length === 0 ? 'none' : String(findings.length));
  for (const finding of findings) terminal.printText(`  ${finding}`, 4);
}
