import { AgentNotRunning, agentPieces, askAgent } from '../../observe/client.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import type { SettingValues } from '../options/table.ts';
import { endFlows } from './flows-flush.ts';
import { formatFor, printFlows, watchFlows } from './flows-print.ts';
import { printPorts, printRates, printWho } from './flows-tables.ts';

export interface FlowsValues extends SettingValues {
  readonly pod?: string;
  readonly service?: string;
  readonly protocol?: string;
  readonly address?: string;
  readonly search?: string;
  readonly kind?: string;
  readonly stale?: true;
  readonly limit?: string;
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
  if (flush === true && stale !== true)
    throw new CliError('KNAT_USAGE', '--flush ends stale flows: add --stale');
  if (at !== undefined && who === undefined) throw new CliError('KNAT_USAGE', '--at belongs to --who');
  if (seconds !== undefined && rates !== true)
    throw new CliError('KNAT_USAGE', '--seconds belongs to --rates');
  if (who !== undefined) {
    const question = queryOf({ address: who, at, protocol });
    return await printWho(await askAgent(`/api/v1/flows/who${question}`), values, context);
  }
  if (rates === true) {
    return await printRates(await askAgent(`/api/v1/flows/rates${queryOf({ seconds })}`), values, context);
  }
  if (ports === true) return await printPorts(await askAgent('/api/v1/flows/ports'), values, context);
  const { pod, service, address, search, kind, limit } = values;
  const question = {
    pod,
    service,
    protocol,
    address,
    search,
    kind,
    limit,
    ...(stale === true ? { stale: 'true' } : {}),
  };
  if (flush === true)
    return await endFlows(agentPieces(`/api/v1/flows${queryOf(question)}`), values, context);
  const format = formatFor(values);
  const query = queryOf({ ...question, ...(format === 'ndjson' ? {} : { format }) });
  if (watch === true) return await watchFlows(agentPieces(`/api/v1/flows/watch${query}`), values, context);
  try {
    await printFlows(agentPieces(`/api/v1/flows${query}`), values, context);
  } catch (error) {
    const needsAgent = pod !== undefined || service !== undefined || stale === true;
    if (!(error instanceof AgentNotRunning) || needsAgent) throw error;
    await withoutAgent({ ...question, format }, values, context);
  }
}

/** No agent: the kernel itself is asked. */
async function withoutAgent(
  question: Record<string, string | undefined>,
  values: FlowsValues,
  context: Context,
): Promise<void> {
  const { directFlows } = await import('../../agent/direct-flows.ts');
  context.terminal.printErrorLine('no knat agent runs in this network namespace: addresses alone are known');
  const given = Object.entries(question).filter((pair): pair is [string, string] => pair[1] !== undefined);
  await printFlows(directFlows(Object.fromEntries(given), Date.now()), values, context);
}

function queryOf(question: Record<string, string | undefined>): string {
  const given = Object.entries(question).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}
