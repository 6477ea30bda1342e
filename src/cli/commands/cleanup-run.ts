import { cleanUpKernel } from '../../agent/commands.ts';
import { AgentNotRunning, askAgent } from '../../observe/client.ts';
import type { AgentStatus } from '../../observe/status.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { type OutputForm, printData } from '../output.ts';

export async function cleanUp(
  force: boolean,
  output: OutputForm | undefined,
  context: Context,
): Promise<void> {
  if (!force) await refuseWhileAgentRuns();
  const removed = await cleanUpKernel(new AbortController().signal);
  await printData(context.terminal, output, { removed }, () => {
    for (const name of removed) context.terminal.print(`removed table ${name}`);
    if (removed.length === 0) context.terminal.print('nothing to remove: the kernel holds nothing of knat');
  });
}

async function refuseWhileAgentRuns(): Promise<void> {
  const status = await askAgent('/api/v1/status').catch((error: unknown) => {
    if (error instanceof AgentNotRunning) return null;
    throw error;
  });
  if (status === null) return;
  const { processId, node } = status as AgentStatus;
  throw new CliError(
    'KNAT_AGENT_RUNNING',
    `the agent of node ${node} runs (process ${processId}) and would put everything back at once`,
    [`kill ${processId}       # in its own container it may have another number`],
  );
}
