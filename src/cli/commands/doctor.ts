import { diagnoseHost } from '../../agent/doctor.ts';
import { planOnce } from '../../agent/offline.ts';
import { differencesHere } from '../../agent/other-rules.ts';
import type { CheckResult } from '../../doctor/finding.ts';
import type { AgentReport, HostFacts, PoolRange } from '../../doctor/host-facts.ts';
import type { Status } from '../../forms/status.ts';
import { formatFinding, type Severity } from '../../model/finding.ts';
import { parsePrefix } from '../../net/prefix.ts';
import { AgentAnsweredError, AgentNotRunning } from '../../observe/client.ts';
import { type AgentClient, agentClient } from '../agent-client.ts';
import type { Context } from '../context.ts';
import { errorCodes } from '../error-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { planSettings } from '../options/plan-settings.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';
import { remedyOf } from '../report-error.ts';
import { planFindings } from './object-problems.ts';

/** Exit status 1 if a finding is an error. */
export async function doctor(values: SettingValues, context: Context): Promise<void> {
  const { terminal } = context;
  const client = agentClient(context);
  const agent = await askForAgent(client);
  const known =
    agent === null
      ? await knownToSource(values)
      : { pools: await poolsOfAgent(client), differing: agent.differing };
  const results = await diagnoseHost({ agent, ...known }, remedyOf, new AbortController().signal);
  await printData(terminal, values.output, results, () => printDiagnosis(results, context));
  const isSick = results.some(({ findings }) => findings.some(({ severity }) => severity === 'error'));
  if (isSick) context.exit = EXIT.failed;
}

/** What a plan says about this host. */
type Known = Pick<HostFacts, 'pools' | 'differing'>;

async function askForAgent(client: AgentClient): Promise<(AgentReport & Pick<Known, 'differing'>) | null> {
  try {
    const status = await client.ask('/status');
    return {
      synced: status.synced,
      failure: status.failure?.message ?? null,
      findings: findingsOf(status),
      differing: differingOf(status),
    };
  } catch (error) {
    if (error instanceof AgentNotRunning) return null;
    throw error;
  }
}

const DIFFERING = 'KNAT_FOREIGN_SOURCE_NAT';

/** The agent follows packets through the kernel itself. */
function differingOf({ problems }: Status): Known['differing'] {
  return problems
    .filter(({ code }) => code === DIFFERING)
    .map(({ code, message }) => ({ message, remedy: errorCodes.get(code)?.remedy ?? 'follow the message' }));
}

function findingsOf(status: Status): AgentReport['findings'] {
  const severity = 'warning';
  return [
    ...status.problems
      .filter(({ code }) => code !== DIFFERING)
      .map((finding) => {
        const remedy = errorCodes.get(finding.code)?.remedy ?? 'follow the message';
        return { severity, message: formatFinding(finding), remedy } as const;
      }),
    ...planFindings(status).map((message) => {
      return { severity, message, remedy: 'docs/status.md, "Events", has each reason' } as const;
    }),
  ];
}

/** Null while the agent reads its source; the host is then checked without pools. */
async function poolsOfAgent(client: AgentClient): Promise<PoolRange[] | null> {
  const answer = await client.ask('/pools').catch((error: unknown) => {
    if (error instanceof AgentAnsweredError && error.code === 'KNAT_SOURCE_READING') return null;
    throw error;
  });
  if (answer === null) return null;
  return answer.items.flatMap(({ name, cidr: text, natOutgoing }): PoolRange[] => {
    const cidr = parsePrefix(text);
    return typeof cidr === 'string' || !natOutgoing ? [] : [{ name, cidr }];
  });
}

async function knownToSource(values: SettingValues): Promise<Known> {
  if (values.source === undefined) return { pools: null, differing: null };
  const settings = await planSettings(values, { isOnce: true });
  const { planner } = await planOnce(settings, null, new AbortController().signal);
  const pools = [...planner.plan.entries()].flatMap((entry) =>
    entry.kind === 'FamilyScope' ? entry.pools.filter(({ natOutgoing }) => natOutgoing) : [],
  );
  return { pools, differing: await differencesHere(planner) };
}

const SIGNS = { note: 'note', warning: 'WARN', error: 'FAIL' } as const satisfies Record<Severity, string>;

export function printDiagnosis(results: readonly CheckResult[], { terminal }: Context): void {
  const { colors } = terminal;
  const paint = { note: colors.dim, warning: colors.yellow, error: colors.red };
  for (const { title, findings, unseen } of results) {
    if (unseen !== null) terminal.printText(`${colors.dim('?   ')}  ${title}: ${unseen}`, 6);
    else if (findings.length === 0) terminal.printText(`${colors.green('ok  ')}  ${title}`, 6);
    for (const { severity, message, remedy } of findings) {
      terminal.printText(`${paint[severity](SIGNS[severity])}  ${title}: ${message}`, 6);
      for (const line of remedy.split('\n')) terminal.printText(`      ${colors.dim('→')} ${line}`, 8);
    }
  }
  const count = (wanted: Severity) =>
    results.reduce(
      (sum, { findings }) => sum + findings.filter(({ severity }) => severity === wanted).length,
      0,
    );
  terminal.printBlock(`\n${count('error')} errors, ${count('warning')} warnings, ${count('note')} notes`);
}
