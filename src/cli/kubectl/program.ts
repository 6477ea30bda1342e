import { closeSync, openSync } from 'node:fs';
import type { PacketQuestion } from '../../forms/questions.ts';
import { CliError } from '../cli-error.ts';
import type { ExplainValues } from '../commands/explain.ts';
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
  noAgentProven,
  type OwningDaemonSet,
  ownerOf,
  SYSTEM_NAMESPACE,
  whyNoAgent,
  whyNotOf,
} from './agent-proof.ts';
import { type PluginArguments, splitArguments, whoseAgent } from './arguments.ts';
import { agentCommands, elsewhere, NODES } from './commands.ts';
import { commandHelp, isForManifests, nodesHelp, pluginHelp } from './help.ts';
import { readByKubectl, runByKubectl } from './kubectl.ts';

/** Facts of this process that affect how the Pod's command runs. */
export interface Surroundings {
  /** For standard input, output and error. */
  readonly isTerminal: boolean;
  readonly noColor: boolean;
}

/**
 * The program kubectl-knat: finds a node's agent and runs a command of knat in its Pod. Both use kubectl, so its
 * configuration determines cluster and user. Throws CliError.
 */
export async function runKubectlPlugin(
  words: readonly string[],
  context: Context,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal } = context;
  const asked = splitArguments(words);
  if (asked.version) return terminal.print(context.version);
  const name = asked.command === 'help' ? (asked.rest[0] ?? null) : asked.command;
  if (name === null) {
    if (!asked.help && asked.command === null && words.length > 0) {
      throw new CliError('KNAT_USAGE', 'no command: kubectl knat --help lists them');
    }
    return terminal.printBlock(pluginHelp(createProgram(context)).trimEnd());
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
  const known = createProgram(context, [name]).commands.find((each) => each.name() === name);
  if (known === undefined || !agentCommands.has(name)) throw unknownCommand(name);
  if (isHelp) return terminal.printBlock(commandHelp(known).trimEnd());
  known.parseOptions([...asked.rest]);
  const values = known.opts<ExplainValues>();
  context.debug = values.logLevel === 'debug';
  const foreign = known.options.find(
    (option) => isForManifests(option) && known.getOptionValueSource(option.attributeName()) === 'cli',
  );
  if (foreign !== undefined) {
    const instead = `knat ${name} on this machine has it`;
    throw new CliError('KNAT_USAGE', `${foreign.long} has no meaning for an agent: ${instead}`);
  }
  const { agent, rest } = await findAgent(asked, values);
  if (agent.warning !== null) terminal.printErrorLine(`warning: ${agent.warning}`);
  const sent = commandWords(name, rest, values);
  await withInput(values, async (input) => {
    const exec = execWords(agent, asked.kubectl, sent, input !== 'ignore', surroundings);
    const streams = surroundings.isTerminal && input === 'ignore' ? 'inherit' : input;
    context.exit = await runByKubectl(exec, streams, (line) => terminal.printErrorLine(line));
  });
}

/** `kubectl exec` for knat in the agent's Pod. Terminals at both ends pass on width and keys. */
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

/**
 * Adds `--agent`, because the agent's environment may name a source, which would be read instead. Standard input
 * replaces a local file.
 */
export function commandWords(name: string, rest: readonly string[], { flows }: ExplainValues): string[] {
  if (name !== 'explain') return [name, ...rest];
  return [name, '--agent', ...rest, ...(flows === undefined ? [] : ['--flows=-'])];
}

/** Input: none, our standard input, or the file of explain --flows. */
async function withInput(
  { flows: path }: ExplainValues,
  use: (input: 'ignore' | 'inherit' | number) => Promise<void>,
) {
  if (path === undefined) return await use('ignore');
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

/** The agent to ask, and its words: for flows, --pod is a filter too. */
async function findAgent(
  asked: PluginArguments,
  packet: PacketQuestion,
): Promise<{ agent: FoundAgent; rest: readonly string[] }> {
  const { kubectl, selector } = asked;
  const whose = whoseAgent(asked, packet);
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
    node = whose.kind === 'node' ? whose.name : onlyNode(await nodesWithAgent(pods, asked), labels);
    if (asked.pod !== null) rest = [`--pod=${asked.pod}`, ...rest];
  }
  const onNode = await readByKubectl([...pods, `--field-selector=spec.nodeName=${node}`, '-o', 'json']);
  const { items } = JSON.parse(onNode) as { items: readonly AgentPod[] };
  const agent = chooseAgent(await provenAgents(items, node, asked), node);
  if (agent === null) throw noAgentOn(node, await nodesWithAgent(pods, asked), labels);
  return { agent, rest };
}

/** The Pods that are agents and do not only have their labels. Throws CliError if there are Pods but no agent. */
async function provenAgents(
  pods: readonly AgentPod[],
  node: string,
  asked: PluginArguments,
): Promise<AgentPod[]> {
  const namespaces = await agentNamespaces(
    pods.map(({ metadata }) => metadata.namespace),
    asked,
  );
  const judged = await Promise.all(
    pods.map(async (pod) => {
      const reasons = whyNoAgent(pod, node, namespaces);
      return { pod, reasons: reasons.length > 0 ? reasons : await whyNotOwned(pod, asked.kubectl) };
    }),
  );
  const proven = judged.filter(({ reasons }) => reasons.length === 0).map(({ pod }) => pod);
  if (proven.length === 0 && judged.length > 0) throw noAgentProven(node, judged);
  return proven;
}

/** For a user who may not read DaemonSets the Pod suffices: only administrators create Pods in these namespaces. */
async function whyNotOwned(pod: AgentPod, kubectl: readonly string[]): Promise<string[]> {
  const { namespace } = pod.metadata;
  const name = ownerOf(pod)?.name ?? '';
  const where = ['-n', namespace, name, '-o', 'json', '--ignore-not-found'];
  const text = await readIfAllowed(['get', 'daemonsets.apps', ...kubectl, ...where]);
  if (text === null) return [];
  return whyNotOf(pod, text.trim() === '' ? null : (JSON.parse(text) as OwningDaemonSet));
}

/** kubectl's output; null if the user lacks the right. Throws CliError for other failures. */
async function readIfAllowed(words: readonly string[]): Promise<string | null> {
  return await readByKubectl(words).catch((error: unknown) => {
    if (error instanceof CliError && error.code === 'KNAT_KUBECTL_DENIED') return null;
    throw error;
  });
}

/**
 * Namespaces whose Pods may be agents: the named one; otherwise kube-system and those whose service account has an
 * agent's rights by a ClusterRoleBinding with its labels, which only cluster administrators can create.
 */
async function agentNamespaces(
  found: readonly string[],
  { agentNamespace, selector, kubectl }: PluginArguments,
): Promise<ReadonlySet<string>> {
  if (agentNamespace !== null) return new Set([agentNamespace]);
  const known = new Set([SYSTEM_NAMESPACE]);
  if (found.every((namespace) => known.has(namespace))) return known;
  const labels = ['-l', selector ?? AGENT_SELECTOR];
  const form = 'jsonpath={range .items[*].subjects[?(@.kind=="ServiceAccount")]}{.namespace}{"\\n"}{end}';
  const text = await readIfAllowed(['get', 'clusterrolebindings', ...kubectl, ...labels, '-o', form]);
  for (const namespace of text?.split('\n') ?? []) if (namespace !== '') known.add(namespace);
  return known;
}

/** Sorted. Asks for a few fields only, since a cluster may have thousands of nodes. */
async function nodesWithAgent(pods: readonly string[], asked: PluginArguments): Promise<string[]> {
  const form =
    'jsonpath={range .items[*]}{.metadata.namespace} {.spec.hostNetwork} {.spec.nodeName}{"\\n"}{end}';
  const lines = (await readByKubectl([...pods, '-o', form])).split('\n').map((line) => line.split(' '));
  const hosts = lines.filter(([, hostNetwork]) => hostNetwork === 'true');
  const namespaces = await agentNamespaces(
    hosts.map(([namespace = '']) => namespace),
    asked,
  );
  const nodes = hosts.flatMap(([namespace = '', , node = '']) =>
    namespaces.has(namespace) && node !== '' ? [node] : [],
  );
  return [...new Set(nodes)].sort();
}

async function nodeOfPod(
  name: string,
  namespace: string | null,
  kubectl: readonly string[],
): Promise<{ node: string; namespace: string }> {
  const place = namespace === null ? [] : ['-n', namespace];
  const form = 'jsonpath={.metadata.namespace}{"\\n"}{.spec.nodeName}';
  const what = [...place, name, '-o', form, '--ignore-not-found'];
  const found = await readByKubectl(['get', 'pod', ...kubectl, ...what]);
  const [actual = '', node = ''] = found.split('\n');
  const called = `Pod ${[namespace ?? actual, name].filter((part) => part !== '').join('/')}`;
  if (actual === '') throw new CliError('KNAT_INVALID_INPUT', `there is no ${called}`);
  if (node === '') throw new CliError('KNAT_INVALID_INPUT', `${called} is on no node yet`);
  return { node, namespace: actual };
}

function refuseAgentOptions({ node, pod, agentNamespace, selector }: PluginArguments): void {
  if ([node, pod, agentNamespace].every((given) => given === null) && selector === null) return;
  const message = 'nodes asks no agent: remove --node, --pod, --agent-namespace and --selector';
  throw new CliError('KNAT_USAGE', message, ['kubectl knat nodes NAME shows one node']);
}

function unknownCommand(name: string): CliError {
  const instead = elsewhere.get(name);
  if (instead !== undefined) return new CliError('KNAT_USAGE', `kubectl knat has no ${name}: ${instead}`);
  const names = [...agentCommands.keys(), NODES.name].join(', ');
  return new CliError('KNAT_USAGE', `kubectl knat has no command "${name}": it has ${names}`);
}
