import { type ChangeSet, changeSetOf, differenceOfFacts } from '../../agent/change-set.ts';
import { OfflinePlans } from '../../agent/offline.ts';
import { withConnections } from '../../agent/what-if/connections.ts';
import type { ExpectationChange } from '../../forms/what-if.ts';
import { formatFinding } from '../../model/finding.ts';
import { firstFew } from '../../model/text.ts';
import type { IpAddress } from '../../net/address.ts';
import type { Planner } from '../../plan/planner.ts';
import { SharedValues } from '../../sources/objects/shared.ts';
import { joinedWhatIf, streamedWhatIf, type WhatIf, whatIfOn } from '../../what-if/answer.ts';
import { joinedPieces, jsonPieces } from '../../what-if/json-pieces.ts';
import { describeWhatIf } from '../../what-if/lines.ts';
import { whatIfMarkdown } from '../../what-if/markdown.ts';
import { EVERYTHING, FOR_READERS, summaryOf } from '../../what-if/summary.ts';
import { agentClient } from '../agent-client.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { readInputFile } from '../input-file.ts';
import { type AskedSettings, planSettings } from '../options/plan-settings.ts';
import { ValueError } from '../options/readers.ts';
import { podNatOptions } from '../options/source.ts';
import { readSource, type SettingValues, type SourceName } from '../options/table.ts';
import { withProgress } from '../progress.ts';
import { parseExpectations, type WrittenExpectation } from '../verify/expectations-file.ts';
import { judgeOne, nodeOf } from '../verify/judge.ts';
import { warnOfAbsentNode } from './absent-node.ts';
import { checkObjects } from './object-problems.ts';

export interface WhatIfValues extends Omit<SettingValues, 'output'> {
  readonly file?: readonly string[];
  readonly delete?: readonly string[];
  readonly against?: string;
  readonly allNodes?: true;
  readonly expectations?: string;
  readonly connections?: true;
  readonly output: 'text' | 'json' | 'markdown';
  readonly all?: true;
  readonly exitCode?: true;
}

/** Of `--exit-code`: the fate of a packet changes. */
const SOMETHING_CHANGES = 2;

const HOW_TO_SEE_ALL = '--all shows everything, -o json has the exact classes';

export async function whatIf(values: WhatIfValues, context: Context): Promise<void> {
  const { file = [], delete: deletions = [], against } = values;
  if (values.connections === true && values.allNodes === true) {
    throw new CliError('KNAT_USAGE', '--connections are those of one node: leave out --all-nodes');
  }
  if (against === undefined ? file.length + deletions.length === 0 : file.length + deletions.length > 0) {
    throw new CliError('KNAT_USAGE', 'name the change: either with --file and --delete, or with --against');
  }
  if ([...file, values.expectations].filter((path) => path === '-').length > 1) {
    throw new CliError('KNAT_USAGE', 'standard input can be read once: name it (-) in one option only');
  }
  const { output: _, ...rest } = values;
  const settings = await settingsOf(rest, values.allNodes === true, context);
  const plans = await readPlans(settings, context);
  const change =
    against === undefined
      ? await changeOf(file, deletions, plans, rest, context)
      : await changeAgainst(against, plans, rest, context);
  for (const problem of change.problems) tellProblem(problem, context);
  const nodes = askedNodes(plans, change, settings, values.allNodes === true);
  for (const node of nodes) {
    const isAdded = change.changes.some(({ kind, key }) => kind === 'Node' && key === node);
    if (!isAdded) warnOfAbsentNode(plans.facts.nodes, node, settings.source.name, context.terminal);
  }
  const expectations = await expectationsOf(values, context);
  const made = answerOf(plans, change, settings, expectations, nodes);
  const answer =
    values.connections === true ? await withConnections(made, agentClient(context).pieces) : made;
  print(answer, values, context);
  if (values.exitCode === true && answer.changes.length > 0) context.exit = SOMETHING_CHANGES;
  const { problems } = change;
  checkObjects({ problems, notices: [], conflicts: [] }, values.strict === true, () => {});
}

function print(answer: WhatIf, { output, all }: WhatIfValues, { terminal }: Context): void {
  const limits = all === true ? EVERYTHING : FOR_READERS;
  switch (output) {
    case 'json':
      for (const piece of joinedPieces(jsonPieces(streamedWhatIf(answer), 2)))
        terminal.write(Buffer.from(piece));
      terminal.print('');
      break;
    case 'markdown':
      terminal.printBlock(whatIfMarkdown(summaryOf(answer, limits), HOW_TO_SEE_ALL).trimEnd());
      break;
    case 'text':
      terminal.printLines(describeWhatIf(summaryOf(answer, limits), HOW_TO_SEE_ALL));
      break;
    default:
      output satisfies never;
  }
}

async function settingsOf(values: SettingValues, allPods: boolean, { terminal, defaultNode }: Context) {
  return await planSettings(values, {
    isOnce: true,
    allPods,
    defaultNode,
    warn: (line) => terminal.printErrorLine(`warning: ${line}`),
  });
}

async function readPlans(settings: AskedSettings, context: Context): Promise<OfflinePlans> {
  const reading = OfflinePlans.read(settings, null, new AbortController().signal);
  const plans = await withProgress(context.terminal, `reading ${settings.source.name}`, reading);
  for (const problem of plans.problems) tellProblem(problem, context);
  return plans;
}

function tellProblem(problem: OfflinePlans['problems'][number], { terminal }: Context): void {
  terminal.printErrorLine(`${problem.severity}: ${formatFinding(problem)}`);
}

async function changeOf(
  files: readonly string[],
  deletions: readonly string[],
  plans: OfflinePlans,
  values: SettingValues,
  { readInput }: Context,
): Promise<ChangeSet> {
  const manifests: { name: string; text: string }[] = [];
  for (const path of files) {
    const name = path === '-' ? 'standard input' : path;
    manifests.push({
      name,
      text: path === '-' ? await readInput() : await readInputFile(path, 'the manifest'),
    });
  }
  const context = { shared: new SharedValues(), podNat: podNatOptions(values), debug: () => {} };
  return changeSetOf(manifests, deletions, plans.everything, context);
}

async function changeAgainst(
  against: string,
  plans: OfflinePlans,
  values: SettingValues,
  context: Context,
): Promise<ChangeSet> {
  const source = sourceAgainst(against);
  const other = await readPlans(await settingsOf({ ...values, source }, true, context), context);
  const isApplied = values.source?.kind === 'kubernetes' && source.kind === 'dir';
  return differenceOfFacts(plans.everything, other.everything, isApplied);
}

function sourceAgainst(text: string): SourceName {
  try {
    return readSource(text);
  } catch (error) {
    if (error instanceof ValueError) throw new CliError('KNAT_USAGE', `--against: ${error.message}`);
    throw error;
  }
}

async function expectationsOf({ expectations: path }: WhatIfValues, { readInput }: Context) {
  if (path === undefined) return null;
  const contents = path === '-' ? await readInput() : await readInputFile(path, 'the expectations');
  return parseExpectations(contents, path === '-' ? 'standard input' : path);
}

type Expectations = Awaited<ReturnType<typeof expectationsOf>>;

function answerOf(
  plans: OfflinePlans,
  { changes, notes }: ChangeSet,
  settings: AskedSettings,
  expectations: Expectations,
  nodes: readonly string[],
): WhatIf {
  const placed = (expectations?.expectations ?? []).map((expectation) => {
    return { expectation, node: nodeOf(expectation, plans, settings.nodeName ?? expectations?.node ?? null) };
  });
  const judged: ExpectationChange[] = [];
  const each = new Map<string, WhatIf>();
  const assumed = new Map<string, readonly IpAddress[]>();
  for (const node of new Set([...nodes, ...placed.map((one) => one.node)])) {
    const here = placed.filter((one) => one.node === node).map(({ expectation }) => expectation);
    const look = (planner: Planner) => here.map((one) => judgeOne(one, planner));
    const planned = plans.change(node, changes, look, expectations?.addresses.get(node));
    if (planned.assumed.length > 0) assumed.set(node, planned.assumed);
    if (nodes.includes(node)) each.set(node, whatIfOn(planned));
    for (const [index, expectation] of here.entries())
      judged.push(judgement(expectation, index, planned.seen));
  }
  const answer = joinedWhatIf(nodes.flatMap((node) => each.get(node) ?? []));
  return {
    ...answer,
    unknown: [...notes, ...assumedAddresses(assumed), ...answer.unknown],
    expectations: expectations === null ? null : judged,
  };
}

/** The answer is for one of two cases, where explain tells both. */
function assumedAddresses(assumed: ReadonlyMap<string, readonly IpAddress[]>): WhatIf['unknown'] {
  if (assumed.size === 0) return [];
  const named = [...assumed].map(([node, addresses]) => `${node} bears ${firstFew(addresses, 3)}`);
  const cases = firstFew(named, 3, '; ');
  return [{ about: 'node-addresses', reason: `which further addresses nodes bear; assumed: ${cases}` }];
}

function judgement(
  { origin }: WrittenExpectation,
  index: number,
  { before, after }: { readonly before: readonly Judged[]; readonly after: readonly Judged[] },
): ExpectationChange {
  const [was, becomes] = [before[index] as Judged, after[index] as Judged];
  const state = ({ error, passed }: Judged) => (error !== null ? 'unknown' : passed ? 'met' : 'not-met');
  const { name, node, mismatches, error } = becomes;
  const reasons = mismatches.map(
    ({ field, expected, actual }) => `${field} expected ${expected}, is ${actual}`,
  );
  return {
    name,
    origin,
    node,
    before: state(was),
    after: state(becomes),
    breaks: was.passed && !becomes.passed,
    reason: error ?? reasons.join('; '),
  };
}

type Judged = ReturnType<typeof judgeOne>;

function askedNodes(
  plans: OfflinePlans,
  { changes }: ChangeSet,
  { nodeName }: AskedSettings,
  allNodes: boolean,
): string[] {
  return allNodes ? everyNode(plans, changes) : [nodeName ?? plans.onlyNode()];
}

function everyNode(plans: OfflinePlans, changes: ChangeSet['changes']): string[] {
  const added = changes.flatMap(({ kind, key, fact }) => (kind === 'Node' && fact !== null ? [key] : []));
  const nodes = [...new Set([...plans.facts.nodes.keys(), ...added])].sort();
  if (nodes.length === 0)
    throw new CliError('KNAT_NODE_NOT_NAMED', 'the source holds no Node: name one with --node');
  return nodes;
}
