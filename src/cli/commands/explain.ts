import { answerFlows, explainSeen, validFlows } from '../../agent/explain-query.ts';
import { OfflinePlans } from '../../agent/offline.ts';
import { explainOffline } from '../../agent/offline-explain.ts';
import { askHere } from '../../agent/past-process.ts';
import { describeWalk } from '../../explain/describe.ts';
import { walkJson } from '../../explain/json.ts';
import { senderNode } from '../../explain/place.ts';
import {
  askedOf,
  type ListQuestion,
  type MomentQuestion,
  type PacketQuestion,
  packetQuestion,
} from '../../forms/questions.ts';
import type { FlowAnswer, Line, WalkJson } from '../../forms/walk.ts';
import { formatFinding } from '../../model/finding.ts';
import { agentClient } from '../agent-client.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { readInputFile } from '../input-file.ts';
import { planSettings } from '../options/plan-settings.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';
import { withProgress } from '../progress.ts';
import { printTable } from '../table.ts';
import { warnOfAbsentNode } from './absent-node.ts';

export interface ExplainValues extends SettingValues, PacketQuestion, ListQuestion, MomentQuestion {
  readonly flows?: string;
  readonly agent?: true;
  readonly conntrack?: true;
}

/** The running agent, or a plan made from manifests. */
interface Explainer {
  explain(question: PacketQuestion): Promise<WalkJson>;
  describe(question: PacketQuestion): Promise<readonly Line[]>;
  flows(flows: unknown): Promise<readonly FlowAnswer[]>;
}

export async function explain(values: ExplainValues, context: Context): Promise<void> {
  const { terminal } = context;
  const { flows, output } = values;
  const question = askedOf(packetQuestion, values);
  if (flows !== undefined) {
    if (values.at !== undefined) throw new CliError('KNAT_USAGE', '--flows cannot be combined with --at');
    if (Object.keys(question).length > 0) {
      const others = Object.keys(packetQuestion).map((name) => `--${name}`);
      throw new CliError('KNAT_USAGE', `--flows cannot be combined with ${others.join(', ')}`);
    }
    const questions = await readFlows(flows, context);
    const answers = await (await explainerOf(values, context)).flows(questions);
    await printData(terminal, output, answers, () => printAnswers(answers, questions, context));
    return;
  }
  // An ICMP error goes to the sender of the packet that it is about.
  if (question.from === undefined || (question.to === undefined && question.innerFrom === undefined)) {
    const missing = question.from === undefined ? '--from' : '--to';
    throw new CliError('KNAT_USAGE', `${missing} is missing: a packet has a sender and a destination`);
  }
  const explainer =
    values.at === undefined ? await explainerOf(values, context) : pastExplainer(values, context);
  if (output === undefined || output === 'table') terminal.printLines(await explainer.describe(question));
  else await printData(terminal, output, await explainer.explain(question), () => {});
}

/** Answers for a time of the past: the agent does, or the folder of its history. */
function pastExplainer(values: ExplainValues, context: Context): Omit<Explainer, 'flows'> {
  const { at, all, source, conntrack, historyDir, agent } = values;
  const other =
    conntrack === true ? '--conntrack' : source !== undefined && agent !== true ? '--source' : null;
  if (other !== null)
    throw new CliError('KNAT_USAGE', `--at cannot be combined with ${other}: it asks the history`);
  if (historyDir === undefined) return agentExplainer(values, context);
  const ask = askHere(() => Date.now());
  return {
    explain: (question) => ask('explain', historyDir, { ...question, at }),
    describe: (question) => ask('describe', historyDir, { ...question, all, at }),
  };
}

async function explainerOf(values: ExplainValues, context: Context): Promise<Explainer> {
  const { terminal } = context;
  if (values.source === undefined || values.agent === true) return agentExplainer(values, context);
  const settings = await planSettings(values, {
    isOnce: true,
    allPods: namesPod(values),
    warn: (line) => terminal.printErrorLine(`warning: ${line}`),
  });
  const work = OfflinePlans.read(settings, null, new AbortController().signal);
  const plans = await withProgress(terminal, `reading ${settings.source.name}`, work);
  const { problems } = plans;
  const node = settings.nodeName ?? senderNode(values.from ?? '', plans.facts) ?? plans.onlyNode();
  const walkOf = (question: PacketQuestion) => explainOffline(plans, node, question);
  const planner = plans.of(node);
  for (const problem of problems) terminal.printErrorLine(`${problem.severity}: ${formatFinding(problem)}`);
  warnOfAbsentNode(planner.nodes, planner.node.nodeName, settings.source.name, terminal);
  const look =
    values.conntrack === true ? (await import('../../agent/existing-flows.ts')).existingFlows : null;
  const { journeyHere } = await import('../../agent/other-rules.ts');
  const seen = async (question: PacketQuestion) =>
    await explainSeen(planner, walkOf(question), look, (asked) =>
      journeyHere(planner, asked, values.conntrack === true),
    );
  return {
    explain: async (question) => {
      const { walk, existing, journey } = await seen(question);
      return walkJson(walk, existing, journey);
    },
    describe: async (question) => {
      const { walk, existing, journey } = await seen(question);
      return describeWalk(walk, existing, values.all !== undefined, journey);
    },
    flows: async (flows) => answerFlows(planner, flows),
  };
}

/** A named Pod of a cluster may be on any node. */
function namesPod({ from = '', to = '' }: ExplainValues): boolean {
  return [from, to].some((place) => place.startsWith('pod/'));
}

function agentExplainer({ all, at }: ExplainValues, context: Context): Explainer {
  const agent = agentClient(context);
  return {
    explain: (question) => agent.ask('/explain', { ...question, at }),
    describe: (question) => agent.ask('/describe', { ...question, all, at }),
    flows: async (flows) => {
      validFlows(flows); // it goes to the agent in parts, and mistakes are told by their place in the whole
      return await agent.explainFlows(flows as readonly unknown[]);
    },
  };
}

async function readFlows(path: string, context: Context): Promise<unknown> {
  const text = path === '-' ? await context.readInput() : await readInputFile(path, 'the file of flows');
  try {
    return JSON.parse(text);
  } catch (error) {
    const where = path === '-' ? 'standard input' : path;
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError('KNAT_INVALID_INPUT', `--flows: ${where} is no JSON: ${why}`, [], { cause: error });
  }
}

function printAnswers(answers: readonly FlowAnswer[], questions: unknown, context: Context): void {
  const asked = questions as { sourceIP: string; protocol: string; destIP: string; destPort: number }[];
  printTable(
    context.terminal,
    ['FROM', 'TO', 'VERDICT', 'ENDPOINTS', 'SOURCE BECOMES', 'BECAUSE'],
    answers.map(({ verdict, endpoints, snat, because }, index) => {
      const flow = asked[index];
      const to = flow === undefined ? '' : `${flow.destIP} ${flow.destPort}/${flow.protocol}`;
      return [flow?.sourceIP ?? '', to, verdict, endpoints.join(','), snat ?? '', because];
    }),
  );
}
