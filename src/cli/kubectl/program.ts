import { closeSync, openSync } from 'node:fs';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { createProgram } from '../program.ts';
import {
  AGENT_CONTAINER,
  AGENT_SELECTOR,
  type AgentPod,
  chooseAgent,
  type FoundAgent,
  noAgentOn,
  onlyNode,
} from './agent-pod.ts';
import {
  optionValue,
  type PluginArguments,
  splitArguments,
  whoseAgent,
  withOptionValue,
} from './arguments.ts';
import { agentCommands, elsewhere, NODES } from './commands.ts';
import { commandHelp, isForManifests, nodesHelp, pluginHelp } from './help.ts';
import { readByKubectl, runByKubectl } from './kubectl.ts';

/** kubectl runs the executable of this name on the PATH as `kubectl knat`. */
export const KUBECTL_PLUGIN = 'kubectl-knat';

/** Of the process, what decides how the command in the Pod is run. */
export interface Surroundings {
  /** Standard input, output and error are all the same person's terminal. */
  readonly isTerminal: boolean;
  /** No colours are wanted. */
  readonly noColor: boolean;
}

/**
 * The program under the name kubectl-knat: finds the agent of a node and runs a command of knat in its Pod, both by
 * kubectl, so that whom to ask, and as whom, is as always with kubectl. Throws CliError.
 */
export async function runKubectlPlugin(
  words: readonly string[],
  context: Context,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal } = context;
  const asked = splitArguments(words);
  context.debug = optionValue(asked.rest, '--log-level') === 'debug';
  if (asked.version) return terminal.print(context.version);
  const name = asked.command === 'help' ? (asked.rest[0] ?? null) : asked.command;
  if (name === null) {
    if (!asked.help && asked.command === null && words.length > 0) {
      throw new CliError('KNAT_USAGE', 'no command: kubectl knat --help lists them');
    }
    return terminal.printBlock(pluginHelp().trimEnd());
  }
  const isHelp = asked.help || asked.command === 'help';
  const { kubectl } = asked;
  if (name === NODES.name) {
    if (isHelp) return terminal.printBlock(nodesHelp().trimEnd());
    refuseAgentOptions(asked);
    const get = ['get', 'nodenats.knat.dev', ...kubectl, ...asked.rest];
    context.exit = await runByKubectl(get, 'inherit', (line) => terminal.printErrorLine(line));
    return;
  }
  const entry = agentCommands.find((each) => each.name === name);
  const known = createProgram(context).commands.find((each) => each.name() === name);
  if (entry === undefined || known === undefined) throw unknownCommand(name);
  if (isHelp) return terminal.printBlock(commandHelp(entry, known).trimEnd());
  const foreign = known.options.find(
    (option) => isForManifests(option) && wordsHave(asked.rest, option.long),
  );
  if (foreign !== undefined) {
    const instead = `knat ${name} on this machine has it`;
    throw new CliError('KNAT_USAGE', `${foreign.long} has no meaning for an agent: ${instead}`);
  }
  const { agent, rest } = await findAgent(asked);
  if (agent.warning !== null) terminal.printErrorLine(`warning: ${agent.warning}`);
  const sent = commandWords(name, rest);
  await withInput(asked, async (input) => {
    const exec = execWords(agent, asked.kubectl, sent, input !== 'ignore', surroundings);
    const streams = surroundings.isTerminal && input === 'ignore' ? 'inherit' : input;
    context.exit = await runByKubectl(exec, streams, (line) => terminal.printErrorLine(line));
  });
}

/** `kubectl exec` for a command of knat in the agent's Pod. With a terminal at both ends its width and keys go along. */
export function execWords(
  { namespace, name }: FoundAgent,
  kubectl: readonly string[],
  command: readonly string[],
  hasInput: boolean,
  { isTerminal, noColor }: Surroundings,
): string[] {
  const streams = hasInput ? ['-i'] : isTerminal ? ['-i', '-t'] : [];
  const environment = noColor ? ['env', 'NO_COLOR=1'] : [];
  const where = ['-n', namespace, name, '-c', AGENT_CONTAINER];
  return ['exec', ...kubectl, ...where, ...streams, '--', ...environment, 'knat', ...command];
}

/** The agent may be started with a source in its environment: here it is asked itself. A local file goes as standard input. */
export function commandWords(name: string, rest: readonly string[]): string[] {
  if (name !== 'explain') return [name, ...rest];
  const isFile = optionValue(rest, '--flows') !== null;
  return [name, '--agent', ...(isFile ? withOptionValue(rest, '--flows', '-') : rest)];
}

/** Calls back with what the command reads: nothing, our own standard input, or the file of explain --flows. */
async function withInput(
  { command, rest }: PluginArguments,
  use: (input: 'ignore' | 'inherit' | number) => Promise<void>,
) {
  const path = command === 'explain' ? optionValue(rest, '--flows') : null;
  if (path === null) return await use('ignore');
  if (path === '-') return await use('inherit');
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError('KNAT_INVALID_INPUT', `--flows: ${path} cannot be read: ${why}`, [], { cause: error });
  }
  try {
    await use(file);
  } finally {
    closeSync(file);
  }
}

/** The agent to ask, and the words for it: for flows, --pod is a filter too. */
async function findAgent(asked: PluginArguments): Promise<{ agent: FoundAgent; rest: readonly string[] }> {
  const { kubectl, selector } = asked;
  const whose = whoseAgent(asked);
  const labels = selector ?? AGENT_SELECTOR;
  const scope = asked.agentNamespace === null ? ['-A'] : ['-n', asked.agentNamespace];
  const pods = ['get', 'pods', ...kubectl, ...scope, '-l', labels];
  let rest = asked.rest;
  let node: string;
  if (whose.kind === 'pod') {
    const pod = await nodeOfPod(whose.name, whose.namespace, kubectl);
    node = pod.node;
    if (asked.command === 'flows') rest = [`--pod=${pod.namespace}/${whose.name}`, ...rest];
  } else {
    node = whose.kind === 'node' ? whose.name : onlyNode(await nodesWithAgent(pods), labels);
    if (asked.pod !== null) rest = [`--pod=${asked.pod}`, ...rest];
  }
  const onNode = await readByKubectl([...pods, `--field-selector=spec.nodeName=${node}`, '-o', 'json']);
  const { items } = JSON.parse(onNode) as { items: readonly AgentPod[] };
  const agent = chooseAgent(items, node);
  if (agent === null) throw noAgentOn(node, await nodesWithAgent(pods), labels);
  return { agent, rest };
}

/** Names of the nodes that have such Pods, in order; names alone, since a cluster may have thousands. */
async function nodesWithAgent(pods: readonly string[]): Promise<string[]> {
  const form = 'jsonpath={range .items[*]}{.spec.nodeName}{"\\n"}{end}';
  const names = (await readByKubectl([...pods, '-o', form])).split('\n').filter((name) => name !== '');
  return [...new Set(names)].sort();
}

async function nodeOfPod(
  name: string,
  namespace: string | null,
  kubectl: readonly string[],
): Promise<{ node: string; namespace: string }> {
  const place = namespace === null ? [] : ['-n', namespace];
  const form = 'jsonpath={.metadata.namespace}{"\\n"}{.spec.nodeName}';
  const found = await readByKubectl([
    'get',
    'pod',
    ...kubectl,
    ...place,
    name,
    '-o',
    form,
    '--ignore-not-found',
  ]);
  const [actual = '', node = ''] = found.split('\n');
  const called = `Pod ${[namespace ?? actual, name].filter((part) => part !== '').join('/')}`;
  if (actual === '') throw new CliError('KNAT_INVALID_INPUT', `there is no ${called}`);
  if (node === '') throw new CliError('KNAT_INVALID_INPUT', `${called} is on no node yet`);
  return { node, namespace: actual };
}

function refuseAgentOptions({ node, pod, agentNamespace, selector }: PluginArguments): void {
  if ([node, pod, agentNamespace].every((given) => given === null) && selector === null) return;
  const message = 'nodes asks no agent: leave --node, --pod, --agent-namespace and --selector away';
  throw new CliError('KNAT_USAGE', message, ['kubectl knat nodes NAME shows one node']);
}

function unknownCommand(name: string): CliError {
  const instead = elsewhere.get(name);
  if (instead !== undefined) return new CliError('KNAT_USAGE', `kubectl knat has no ${name}: ${instead}`);
  const names = [...agentCommands, NODES].map((each) => each.name).join(', ');
  return new CliError('KNAT_USAGE', `kubectl knat has no command "${name}": it has ${names}`);
}

function wordsHave(words: readonly string[], name: string | undefined): boolean {
  if (name === undefined) return false;
  const end = words.indexOf('--');
  const options = end < 0 ? words : words.slice(0, end);
  return options.some((word) => word === name || word.startsWith(`${name}=`));
}
