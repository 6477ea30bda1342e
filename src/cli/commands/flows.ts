import { askedOf, type FlowQuestion, flowQuestion } from '../../forms/questions.ts';
import { AgentNotRunning } from '../../observe/client.ts';
import { agentClient } from '../agent-client.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import type { SettingValues } from '../options/table.ts';
import { endFlows } from './flows-flush.ts';
import { printFlows, watchFlows } from './flows-print.ts';
import { printPorts, printRates, printWho } from './flows-tables.ts';

export interface FlowsValues extends SettingValues, FlowQuestion {
  readonly watch?: true;
  readonly flush?: true;
  readonly rates?: true;
  readonly seconds?: string;
  readonly ports?: true;
  readonly who?: string;
  readonly at?: string;
}

export async function flows(values: FlowsValues, context: Context): Promise<void> {
  const { watch, flush, rates, ports, who, at, seconds, stale, protocol } = values;
  const asked = Object.entries({ watch, flush, rates, ports, who }).filter(
    ([, value]) => value !== undefined,
  );
  if (asked.length > 1) {
    throw new CliError(
      'KNAT_USAGE',
      `only one of ${asked.map(([name]) => `--${name}`).join(', ')} at a time`,
    );
  }
  if (flush === true && stale === undefined)
    throw new CliError('KNAT_USAGE', '--flush ends stale flows: add --stale');
  if (at !== undefined && who === undefined) throw new CliError('KNAT_USAGE', '--at belongs to --who');
  if (seconds !== undefined && rates !== true) throw new CliError('KNAT_USAGE', '--seconds needs --rates');
  const agent = agentClient(context);
  if (who !== undefined) {
    return await printWho(await agent.ask('/flows/who', { address: who, at, protocol }), values, context);
  }
  if (rates === true) return await printRates(await agent.ask('/flows/rates', { seconds }), values, context);
  if (ports === true) return await printPorts(await agent.ask('/flows/ports'), values, context);
  const question = askedOf(flowQuestion, values);
  if (flush === true) return await endFlows(agent.pieces('/flows', question), values, context);
  if (watch === true) return await watchFlows(agent.pieces('/flows/watch', question), values, context);
  try {
    await printFlows(agent.pieces('/flows', question), values, context);
  } catch (error) {
    const needsAgent = [question.pod, question.service, stale].some((given) => given !== undefined);
    if (!(error instanceof AgentNotRunning) || needsAgent) throw error;
    await withoutAgent(question, values, context);
  }
}

/** Reads the kernel itself. */
async function withoutAgent(question: FlowQuestion, values: FlowsValues, context: Context): Promise<void> {
  const { directFlows } = await import('../../agent/direct-flows.ts');
  context.terminal.printErrorLine('no knat agent runs in this network namespace: only addresses are known');
  await printFlows(directFlows(question, Date.now()), values, context);
}
