import { CliError } from '../cli-error.ts';
import type { AgentPod } from './agent-pod.ts';

/** The fields of a DaemonSet that prove its ownership of a Pod. */
export interface OwningDaemonSet {
  readonly metadata: { readonly uid: string };
  readonly spec: {
    readonly selector: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly template: {
      readonly spec: { readonly hostNetwork?: boolean; readonly serviceAccountName?: string };
    };
  };
}

/** Only administrators of the cluster create Pods here. */
export const SYSTEM_NAMESPACE = 'kube-system';

/**
 * Reasons why a Pod is not accepted as the node's agent; empty if it is. A tenant can give a Pod any labels, and
 * `kubectl exec` in it would hand the tenant the terminal and everything typed.
 *
 * @param namespaces those whose Pods may be agents
 */
export function whyNoAgent(pod: AgentPod, node: string, namespaces: ReadonlySet<string>): string[] {
  const { metadata, spec } = pod;
  const account = spec.serviceAccountName ?? '';
  const reasons: [boolean, string][] = [
    [
      namespaces.has(metadata.namespace),
      `namespace ${metadata.namespace} is not known for agents: if they are installed there, use --agent-namespace ${metadata.namespace}`,
    ],
    [spec.hostNetwork === true, "it does not have the node's network (hostNetwork)"],
    [account !== '' && account !== 'default', 'it has no service account of its own'],
    [ownerOf(pod) !== null, 'no DaemonSet is its controller'],
    [spec.nodeName === node, `it is on node ${spec.nodeName ?? 'none'}`],
  ];
  return reasons.flatMap(([isSo, reason]) => (isSo ? [] : [reason]));
}

/** The DaemonSet that the Pod names as its owner; null: none. */
export function ownerOf({ metadata }: AgentPod): { readonly name: string; readonly uid: string } | null {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner?.kind === 'DaemonSet' && owner.apiVersion === 'apps/v1' ? owner : null;
}

/** Reasons why the Pod does not belong to the DaemonSet that it names. @param owner null: it does not exist */
export function whyNotOf(pod: AgentPod, owner: OwningDaemonSet | null): string[] {
  const name = `DaemonSet ${pod.metadata.namespace}/${ownerOf(pod)?.name}`;
  if (owner === null) return [`there is no ${name}`];
  const { selector, template } = owner.spec;
  const labels = pod.metadata.labels ?? {};
  const wanted = Object.entries(selector.matchLabels ?? {});
  const reasons: [boolean, string][] = [
    [owner.metadata.uid === ownerOf(pod)?.uid, `${name} has another uid`],
    [
      wanted.length > 0 &&
        wanted.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value),
      `${name} does not select it`,
    ],
    [
      (template.spec.serviceAccountName ?? 'default') === pod.spec.serviceAccountName,
      `${name} has another service account`,
    ],
    [template.spec.hostNetwork === true, `the Pods of ${name} do not have the node's network`],
  ];
  return reasons.flatMap(([isSo, reason]) => (isSo ? [] : [reason]));
}

/** The error for Pods with an agent's labels that are not agents. */
export function noAgentProven(
  node: string,
  found: readonly { pod: AgentPod; reasons: readonly string[] }[],
): CliError {
  return new CliError(
    'KNAT_AGENT_NOT_FOUND',
    `no agent runs on node ${node}; Pods with its labels are not accepted as agents`,
    found
      .slice(0, 8)
      .map(
        ({ pod: { metadata }, reasons }) => `${metadata.namespace}/${metadata.name}: ${reasons.join('; ')}`,
      ),
  );
}
