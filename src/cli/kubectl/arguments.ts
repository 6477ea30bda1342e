import type { PacketQuestion } from '../../forms/questions.ts';
import { CliError } from '../cli-error.ts';

/** A command line of `kubectl knat`, sorted by recipient. */
export interface PluginArguments {
  /** For kubectl: cluster and user, without the namespace. */
  readonly kubectl: readonly string[];
  /** `-n`: the namespace of a Pod that is named without one. */
  readonly namespace: string | null;
  readonly node: string | null;
  /** The Pod whose node's agent is asked: NAME or NAMESPACE/NAME. */
  readonly pod: string | null;
  /** The agents' namespace; null: all namespaces. */
  readonly agentNamespace: string | null;
  /** The agents' labels; null: those of the chart. */
  readonly selector: string | null;
  readonly help: boolean;
  readonly version: boolean;
  /** The first word that is no option. */
  readonly command: string | null;
  /** For knat, or for the end of `kubectl get nodenats`. */
  readonly rest: readonly string[];
}

/** kubectl's options with a value (`kubectl options`), by all their names. */
const KUBECTL_VALUES: ReadonlySet<string> = new Set([
  '--as',
  '--as-group',
  '--as-uid',
  '--as-user-extra',
  '--cache-dir',
  '--certificate-authority',
  '--client-certificate',
  '--client-key',
  '--cluster',
  '--context',
  '--kubeconfig',
  '--kuberc',
  '--password',
  '--request-timeout',
  '--server',
  '-s',
  '--tls-server-name',
  '--token',
  '--user',
  '--username',
  '-v',
  '--v',
  '--vmodule',
]);

/** kubectl's switches, which take at most `=false`. */
const KUBECTL_SWITCHES: ReadonlySet<string> = new Set([
  '--disable-compression',
  '--insecure-skip-tls-verify',
  '--match-server-version',
  '--warnings-as-errors',
]);

/** The plugin's own options, all with a value, by all their names. */
export const pluginOptions = {
  node: {
    flags: ['--node'],
    value: 'NAME',
    help: 'the agent of this node (explain, trace: by default that of the sender)',
  },
  pod: {
    flags: ['--pod'],
    value: 'NAMESPACE/NAME',
    help: 'the agent of the node that this Pod is on; NAME alone with -n',
  },
  agentNamespace: {
    flags: ['--agent-namespace'],
    value: 'NAME',
    help: 'look for agents only in this namespace (default: in all)',
  },
  selector: {
    flags: ['-l', '--selector'],
    value: 'LABELS',
    help: "labels of the agents' Pods, if the chart has another nameOverride (default: app.kubernetes.io/name=knat)",
  },
  namespace: {
    flags: ['-n', '--namespace'],
    value: 'NAME',
    help: 'the namespace of a Pod that is named without one',
  },
} as const;

type OwnName = keyof typeof pluginOptions;

const OWN: ReadonlyMap<string, OwnName> = new Map(
  (Object.keys(pluginOptions) as OwnName[]).flatMap((name) =>
    pluginOptions[name].flags.map((flag): [string, OwnName] => [flag, name]),
  ),
);

/**
 * Takes options of kubectl and of the plugin, anywhere before `--`, out of the words after `kubectl knat`, and keeps
 * the order of all others. Throws CliError (KNAT_USAGE) if a value is missing.
 */
export function splitArguments(words: readonly string[]): PluginArguments {
  const own: Record<OwnName, string | null> = {
    namespace: null,
    node: null,
    pod: null,
    agentNamespace: null,
    selector: null,
  };
  const kubectl: string[] = [];
  const rest: string[] = [];
  let [command, help, version]: [string | null, boolean, boolean] = [null, false, false];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    if (word === '--') {
      rest.push(...words.slice(index));
      break;
    }
    const { name, value } = nameAndValue(word);
    const mine = OWN.get(name);
    if (mine !== undefined || KUBECTL_VALUES.has(name)) {
      const given = value ?? words[++index];
      if (given === undefined || given === '') throw new CliError('KNAT_USAGE', `${name} needs a value`);
      if (mine === undefined) kubectl.push(`${name}=${given}`);
      else own[mine] = given;
    } else if (KUBECTL_SWITCHES.has(name)) kubectl.push(word);
    else if (word === '--help' || word === '-h') help = true;
    else if (word === '--version' || word === '-V') version = true;
    else if (command === null && !word.startsWith('-')) command = word;
    else rest.push(word);
  }
  return { kubectl, ...own, help, version, command, rest };
}

/** Splits `--node=a` and `-n=a`, and for short names known here also `-na`. */
function nameAndValue(word: string): { readonly name: string; readonly value: string | null } {
  const [, name, value] = /^(--?[a-zA-Z][a-z-]*)=(.*)$/s.exec(word) ?? [];
  if (name !== undefined && value !== undefined) return { name, value };
  const short = word.slice(0, 2);
  const isGlued = /^-[a-z]./.test(word) && (OWN.has(short) || KUBECTL_VALUES.has(short));
  return isGlued ? { name: short, value: word.slice(2) } : { name: word, value: null };
}

export type Whose =
  | { readonly kind: 'node'; readonly name: string }
  | { readonly kind: 'pod'; readonly namespace: string | null; readonly name: string }
  /** The command line names no agent, so there must be only one. */
  | { readonly kind: 'only' };

/**
 * The agent of --node, of --pod's node, otherwise, in explain and trace, of the packet's sender if that is a Pod or a node, or of
 * the destination if that is `node/NAME`. Throws CliError.
 *
 * @param packet what explain or trace is asked about
 */
export function whoseAgent(
  { command, node, pod, namespace }: PluginArguments,
  { from = '', to = '' }: PacketQuestion,
): Whose {
  // For flows, --pod is also a filter, and the Pod may be on another node.
  if (node !== null && pod !== null && command !== 'flows') {
    throw new CliError('KNAT_USAGE', '--node and --pod both select the agent: use one of them');
  }
  if (node !== null) return { kind: 'node', name: node };
  if (pod !== null) return podNamed(pod, namespace);
  if (command !== 'explain' && command !== 'trace') return { kind: 'only' };
  const sender = /^pod\/([^/]+)\/([^/:]+)/.exec(from);
  if (sender !== null) return { kind: 'pod', namespace: sender[1] ?? null, name: sender[2] ?? '' };
  const asNode = /^node\/([^/:]+)/;
  const name = (asNode.exec(from) ?? asNode.exec(to))?.[1];
  return name === undefined ? { kind: 'only' } : { kind: 'node', name };
}

function podNamed(text: string, fallback: string | null): Whose {
  const parts = text.replace(/^pod\//, '').split('/');
  const [first = '', second] = parts;
  if (parts.length > 2 || parts.includes('')) {
    throw new CliError('KNAT_USAGE', `--pod: "${text}" is no Pod: write NAMESPACE/NAME, or NAME with -n`);
  }
  return second === undefined
    ? { kind: 'pod', namespace: fallback, name: first }
    : { kind: 'pod', namespace: first, name: second };
}
