import { cleanUpKernel, podnatControllerChains } from '../../agent/kernel-commands.ts';
import { AgentNotRunning } from '../../observe/client.ts';
import { agentClient } from '../agent-client.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { DEFAULT_PODNAT_PREFIX } from '../options/readers.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';

export interface CleanupValues extends SettingValues {
  readonly force?: true;
  readonly podnatController?: true;
}

export async function cleanUp(values: CleanupValues, context: Context): Promise<void> {
  const { terminal } = context;
  const { force = false, podnatController = false, podnatPrefix = DEFAULT_PODNAT_PREFIX, output } = values;
  if (!force) await refuseWhileAgentRuns(context);
  const { signal } = new AbortController();
  const { tables, rules, routes } = await cleanUpKernel(signal);
  const chains = await podnatControllerChains(podnatPrefix, podnatController, signal);
  const removed = podnatController ? [...tables, ...chains] : tables;
  await printData(terminal, output, { removed, rules, routes }, () => {
    for (const name of tables) terminal.print(`removed table ${name}`);
    for (const rule of routes) terminal.print(`removed rule ${rule}`);
    for (const chain of rules) terminal.print(`removed the rule of knat in ${chain}`);
    if (podnatController) for (const chain of chains) terminal.print(`removed ${chain} of podnat-controller`);
    if (removed.length + rules.length + routes.length === 0) {
      terminal.print('nothing to remove: the kernel has no rules of knat');
    }
  });
  if (podnatController || chains.length === 0) return;
  terminal.printErrorLine(`these chains of podnat-controller stay: ${chains.join(', ')}`);
  terminal.printErrorLine('  knat cleanup --podnat-controller removes them too');
}

async function refuseWhileAgentRuns(context: Context): Promise<void> {
  const status = await agentClient(context)
    .ask('/status')
    .catch((error: unknown) => {
      if (error instanceof AgentNotRunning) return null;
      throw error;
    });
  if (status === null) return;
  const { processId, node } = status;
  throw new CliError(
    'KNAT_AGENT_RUNNING',
    `the agent of node ${node} runs (process ${processId}) and would add everything again at once`,
    [`kill ${processId}       # inside its container the process may have another number`],
  );
}
