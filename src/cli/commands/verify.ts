import { writeFile } from 'node:fs/promises';
import { furtherAddresses } from '../../agent/further-addresses.ts';
import { OfflinePlans } from '../../agent/offline.ts';
import { recordedExpectations } from '../../explain/record.ts';
import type { NoticeForm } from '../../forms/findings.ts';
import { formatFinding, type Notice } from '../../model/finding.ts';
import type { IpAddress } from '../../net/address.ts';
import { noticeForm } from '../../observe/status.ts';
import type { Conflict } from '../../plan/claims.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { readInputFile } from '../input-file.ts';
import { planSettings } from '../options/plan-settings.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';
import { withProgress } from '../progress.ts';
import type { Terminal } from '../terminal.ts';
import { judgeInBothCases } from '../verify/both-cases.ts';
import { type ExpectationsFile, parseExpectations } from '../verify/expectations-file.ts';
import { nodeOf } from '../verify/judge.ts';
import { junitXml } from '../verify/junit.ts';
import type { ExpectationResult } from '../verify/result.ts';
import { warnOfAbsentNode } from './absent-node.ts';
import { checkObjects } from './object-problems.ts';

export interface VerifyValues extends SettingValues {
  readonly junit?: string;
  readonly record?: true;
}

/** Exit status 1 if an expectation is not met; with `strict` also if one is unknown. */
export async function verify(values: VerifyValues, context: Context, path: string): Promise<void> {
  if (values.record === true) return await record(values, context, path);
  const { terminal } = context;
  const contents = path === '-' ? await context.readInput() : await readInputFile(path, 'the expectations');
  const name = path === '-' ? 'standard input' : path;
  const file = parseExpectations(contents, name);
  const { settings, plans } = await readPlans(values, context);
  const { results, notices, conflicts } = judgeAll(file, plans, settings.nodeName);
  if (values.junit !== undefined) await writeReport(values.junit, junitXml(name, results));
  const findings = { problems: plans.problems, notices, conflicts };
  checkObjects(findings, false, (line) => terminal.printErrorLine(`warning: ${line}`));
  const failed = results.filter(({ outcome }) => outcome === 'not-met').length;
  const unknown = results.filter(({ outcome }) => outcome === 'unknown').length;
  const data = results.map(({ explanation: _, ...result }) => result);
  await printData(terminal, values.output, data, () => printResults(results, context));
  if (failed > 0 || (unknown > 0 && values.strict === true)) context.exit = EXIT.failed;
  checkObjects(findings, values.strict === true, () => {});
}

async function readPlans(values: VerifyValues, { terminal }: Context) {
  const settings = await planSettings(values, {
    isOnce: true,
    allPods: true,
    warn: (line) => terminal.printErrorLine(`warning: ${line}`),
  });
  const reading = OfflinePlans.read(settings, null, new AbortController().signal);
  const plans = await withProgress(terminal, `reading ${settings.source.name}`, reading);
  for (const problem of plans.problems)
    terminal.printErrorLine(`${problem.severity}: ${formatFinding(problem)}`);
  const { nodeName, source } = settings;
  if (nodeName !== null) warnOfAbsentNode(plans.facts.nodes, nodeName, source.name, terminal);
  return { settings, plans };
}

/** Writes the expectations that are met now. A file that exists is kept: somebody may have written it by hand. */
async function record(values: VerifyValues, context: Context, path: string): Promise<void> {
  const { settings, plans } = await readPlans(values, context);
  const nodes = settings.nodeName === null ? [...plans.facts.nodes.keys()].sort() : [settings.nodeName];
  const expectations = (nodes.length === 0 ? [plans.onlyNode()] : nodes).flatMap((node) => {
    const planner = plans.of(node);
    return recordedExpectations(planner.plan, planner.heldNode, planner);
  });
  if (expectations.length === 0) {
    throw new CliError(
      'KNAT_INVALID_INPUT',
      `--record: ${settings.source.name} asks for no NAT, so nothing is recorded`,
    );
  }
  const { stringify } = await import('yaml');
  const text = `# Recorded by knat verify --record from ${settings.source.name}.\n${stringify({ expectations }, { lineWidth: 0 })}`;
  if (path === '-') {
    context.terminal.printBlock(text.trimEnd());
    return;
  }
  await writeReport(path, text, '--record', 'wx');
  context.terminal.print(`${expectations.length} expectations written to ${path}`);
}

const SIGNS = {
  met: (colors: Terminal['colors']) => colors.green('ok  '),
  'not-met': (colors: Terminal['colors']) => colors.red('FAIL'),
  unknown: (colors: Terminal['colors']) => colors.yellow('?   '),
} as const satisfies Record<ExpectationResult['outcome'], unknown>;

/** Results in the file's order, and the plans' problems without duplicates. */
interface Judged {
  readonly results: readonly ExpectationResult[];
  readonly notices: readonly NoticeForm[];
  readonly conflicts: readonly Conflict[];
}

/** Node by node, since each has its own plan. */
function judgeAll(file: ExpectationsFile, plans: OfflinePlans, asked: string | null): Judged {
  const fallback = asked ?? file.node;
  const placed = file.expectations.map((expectation, index) => {
    return { expectation, index, node: nodeOf(expectation, plans, fallback) };
  });
  const results: ExpectationResult[] = [];
  const notices = new Map<string, NoticeForm>();
  const conflicts = new Map<string, Conflict>();
  for (const node of new Set(placed.map((each) => each.node))) {
    const borne = file.addresses.get(node) ?? [];
    for (const notice of certainNotices(plans, node, borne))
      notices.set(JSON.stringify(notice), noticeForm(notice));
    const planner = plans.of(node, borne);
    for (const conflict of planner.plan.conflicts.values()) conflicts.set(JSON.stringify(conflict), conflict);
    const here = placed.filter((each) => each.node === node);
    const judged = judgeInBothCases(
      plans,
      node,
      here.map(({ expectation }) => expectation),
      borne,
    );
    for (const [at, { index }] of here.entries()) results[index] = judged[at] as ExpectationResult;
  }
  return { results, notices: [...notices.values()], conflicts: [...conflicts.values()] };
}

/** Without those that the node would not have if it bore addresses that objects name. */
function certainNotices(plans: OfflinePlans, node: string, borne: readonly IpAddress[]): Notice[] {
  const planner = plans.of(node, borne);
  const notices = [...planner.plan.notices()];
  const further = plans.arePartlyKnown ? furtherAddresses(planner) : [];
  if (further.length === 0) return notices;
  const bearing = new Set(
    [...plans.of(node, [...borne, ...further]).plan.notices()].map((notice) => JSON.stringify(notice)),
  );
  return notices.filter((notice) => bearing.has(JSON.stringify(notice)));
}

function printResults(results: readonly ExpectationResult[], { terminal }: Context): void {
  const { colors } = terminal;
  for (const {
    name,
    origin,
    node,
    outcome,
    unknown,
    packet,
    mismatches,
    error,
    notes,
    because,
    explanation,
  } of results) {
    terminal.printText(`${SIGNS[outcome](colors)}  ${name}`, 6);
    for (const note of notes) terminal.printText(colors.dim(`      note: ${note}`), 12);
    if (outcome === 'met') continue;
    terminal.printText(colors.dim(`      ${origin}, on node ${node}`), 6);
    if (unknown !== null) {
      terminal.printText(`      ${unknown}`, 6);
      continue;
    }
    if (error !== null) terminal.printText(`      ${error}`, 6);
    for (const { field, expected, actual } of mismatches) {
      terminal.printText(`      ${field.padEnd(8)} expected  ${colors.green(expected)}`, 25);
      terminal.printText(`               is        ${colors.red(actual)}`, 25);
    }
    if (because !== '') terminal.printText(`      because  ${because}`, 15);
    if (packet === '') continue;
    terminal.print('');
    terminal.printLines(explanation); // of 80 columns as they are
    terminal.print('');
  }
  const count = (wanted: ExpectationResult['outcome']) =>
    results.filter(({ outcome }) => outcome === wanted).length;
  const unknown = count('unknown');
  const rest = unknown === 0 ? '' : `, ${unknown} unknown`;
  terminal.print(`${count('met')} met, ${count('not-met')} not met${rest}`);
}

async function writeReport(path: string, text: string, option = '--junit', flag = 'w'): Promise<void> {
  try {
    await writeFile(path, text, { flag });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError('KNAT_REPORT_UNWRITABLE', `${option}: ${path} cannot be written: ${why}`, [], {
      cause: error,
    });
  }
}
