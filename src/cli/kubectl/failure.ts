import { CliError } from '../cli-error.ts';

/** Lines of kubectl's log (klog), such as those that repeat why a server is unreachable. */
const LOG_LINE = /^[EWI]\d{4} /;

/** kubectl's last line when it fails itself, from its `CheckErr`. */
const LAST_WORDS =
  /^(error: |Error from server|Unable to connect|The connection to the server |Error in configuration)/;

/** kubectl ended with the exit status of the container's command. */
const REMOTE_STATUS = /^command terminated with exit code \d+$/;

export function isLastWord(line: string): boolean {
  return LAST_WORDS.test(line) || REMOTE_STATUS.test(line);
}

export function isRemoteStatus(line: string): boolean {
  return REMOTE_STATUS.test(line);
}

/** @param words kubectl's standard error */
export function kubectlFailure(words: string): CliError {
  const lines = words
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !LOG_LINE.test(line));
  const said = (lines.at(-1) ?? 'it said nothing').replace(/^(error: |Error from server )/i, '');
  const denied =
    /cannot (\w+) resource "([^"]+)".*?(?:in the namespace "([^"]*)"|at the cluster scope)/s.exec(said);
  if (denied !== null) {
    const [, verb = '', resource = '', namespace] = denied;
    return new CliError('KNAT_KUBECTL_DENIED', said, rightsNeeded(verb, resource, namespace ?? null));
  }
  if (/the server doesn't have a resource type "nodenats"/.test(said)) {
    const where = 'the CustomResourceDefinition comes with the chart: charts/knat/crds/nodenats.yaml';
    return new CliError('KNAT_KUBECTL_FAILED', 'this cluster has no NodeNAT objects', [where]);
  }
  return new CliError('KNAT_KUBECTL_FAILED', `kubectl: ${said}`, lines.slice(0, -1));
}

function rightsNeeded(verb: string, resource: string, namespace: string | null): string[] {
  const place = namespace === null ? 'in all namespaces' : `in namespace ${namespace}`;
  if (resource === 'pods/exec') {
    // From 1.35 on the server requires create for the WebSocket that kubectl opens with GET; before only get.
    return [`needed: the verbs get and create on pods/exec ${place}`];
  }
  const lines = [`needed: the verb ${verb} on ${resource} ${place}`];
  if (resource === 'pods' && verb === 'list' && namespace === null) {
    lines.push('if the right is limited to one namespace, use --agent-namespace NAMESPACE');
  }
  return lines;
}
