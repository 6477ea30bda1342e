import { firstFew } from '../../model/text.ts';
import { CliError } from '../cli-error.ts';

/** The fields of a Pod that show whether it has an agent that can answer. */
export interface AgentPod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly OwnerReference[];
  };
  readonly spec: {
    readonly containers: readonly { readonly name: string }[];
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly serviceAccountName?: string;
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

interface ContainerStatus {
  readonly name: string;
  readonly state?: {
    readonly running?: object;
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly terminated?: { readonly reason?: string; readonly exitCode?: number };
  };
}

/** The agent's container in the chart's DaemonSet. */
export const AGENT_CONTAINER = 'agent';

/** The labels of the chart's Pods without nameOverride. */
export const AGENT_SELECTOR = 'app.kubernetes.io/name=knat';

/** `warning` is for the user. */
export interface FoundAgent {
  readonly namespace: string;
  readonly name: string;
  readonly warning: string | null;
}

/**
 * Chooses from one node's Pods; null if none has an agent. A Pod that is being deleted counts only if there is no
 * other: in a rollout the next one starts after it. An agent that is not Ready counts, because that is when people ask.
 * Throws CliError if several run, or if the only one does not.
 */
export function chooseAgent(pods: readonly AgentPod[], node: string): FoundAgent | null {
  const [first] = pods;
  const agents = pods.filter(
    ({ spec, status }) =>
      spec.containers.some(({ name }) => name === AGENT_CONTAINER) &&
      !['Succeeded', 'Failed'].includes(status?.phase ?? ''),
  );
  const staying = agents.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const [agent, ...others] = staying.length > 0 ? staying : agents;
  if (agent === undefined) {
    if (first === undefined) return null;
    throw new CliError('KNAT_AGENT_NOT_FOUND', `no agent runs on node ${node}`, [
      `Pod ${nameOf(first)} has the labels, but no container "${AGENT_CONTAINER}" that should run: with the chart's`,
      'cleanup.enabled=true the rules of knat are being removed from the nodes',
    ]);
  }
  if (others.length > 0) {
    throw new CliError('KNAT_AGENT_NOT_FOUND', `several Pods on node ${node} may be its agent`, [
      ...[agent, ...others].map(nameOf),
      'select one with --agent-namespace or --selector',
    ]);
  }
  const { namespace, name } = agent.metadata;
  const status = agent.status?.containerStatuses?.find((each) => each.name === AGENT_CONTAINER);
  if (status?.state?.running === undefined) {
    throw new CliError(
      'KNAT_AGENT_NOT_FOUND',
      `the agent of node ${node} does not run: Pod ${nameOf(agent)}: ${whyNot(agent, status)}`,
      [
        `kubectl describe pod -n ${namespace} ${name}`,
        `kubectl logs -n ${namespace} ${name} -c ${AGENT_CONTAINER} --previous`,
      ],
    );
  }
  const isReady = agent.status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True');
  const warning = isReady === true ? null : `the agent of node ${node}, Pod ${nameOf(agent)}, is not Ready`;
  return { namespace, name, warning };
}

/** Maximum number of nodes in a message; the others are counted. */
const SHOWN_NODES = 20;

/** @param nodes those with an agent */
export function noAgentOn(node: string, nodes: readonly string[], selector: string): CliError {
  if (nodes.length === 0) return noAgentAtAll(selector);
  return new CliError('KNAT_AGENT_NOT_FOUND', `no agent runs on node ${node}`, nodeLines(nodes));
}

/** Throws CliError unless exactly one node has an agent. */
export function onlyNode(nodes: readonly string[], selector: string): string {
  const [first, ...others] = nodes;
  if (first === undefined) throw noAgentAtAll(selector);
  if (others.length === 0) return first;
  throw new CliError('KNAT_NODE_NOT_NAMED', `agents run on ${nodes.length} nodes: which one is asked?`, [
    ...nodeLines(nodes),
    '--pod NAMESPACE/NAME asks the agent of the node that the Pod is on',
  ]);
}

function noAgentAtAll(selector: string): CliError {
  return new CliError('KNAT_AGENT_NOT_FOUND', `no Pod here is an agent of knat: none has ${selector}`, [
    'if the chart has another nameOverride, use --selector app.kubernetes.io/name=NAME',
  ]);
}

function nodeLines(nodes: readonly string[]): string[] {
  return [`agents run on: ${firstFew(nodes, SHOWN_NODES)}`];
}

function nameOf({ metadata }: AgentPod): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function whyNot({ status }: AgentPod, container: ContainerStatus | undefined): string {
  const { waiting, terminated } = container?.state ?? {};
  if (waiting !== undefined) return [waiting.reason, waiting.message].filter(Boolean).join(': ');
  if (terminated !== undefined) {
    return `${terminated.reason ?? 'ended'}, exit status ${terminated.exitCode ?? 'unknown'}`;
  }
  return status?.phase ?? 'no status yet';
}
