import { sideCodes, sourceCodes } from '../model/finding-codes.ts';
import { webhookCodes } from '../webhook/codes.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** An error code's meaning, remedy, and exit status. */
export interface ErrorCode {
  readonly meaning: string;
  readonly remedy: string;
  readonly exit: ExitCode;
}

/** Codes that stop a command. A code never changes its meaning. */
const commandCodes = {
  KNAT_USAGE: {
    meaning: 'A command or an option is unknown or missing, or has an invalid value.',
    remedy: 'Correct the option that the message names; --help lists the options of the command.',
    exit: EXIT.usage,
  },
  KNAT_CONFIG_UNREADABLE: {
    meaning: 'The file named by --config, --node-config or --kube-proxy-config cannot be read.',
    remedy: 'Correct the path, or give the user that runs knat permission to read it.',
    exit: EXIT.usage,
  },
  KNAT_CONFIG_INVALID: {
    meaning:
      'The file named by --config, --node-config or --kube-proxy-config has unknown keys or invalid values.',
    remedy:
      'Correct the lines that the message names. Keys are the long options in camelCase: logLevel for --log-level.',
    exit: EXIT.usage,
  },
  KNAT_NODE_NOT_NAMED: {
    meaning: 'No node was named, and the source does not have exactly one Node.',
    remedy: 'Name the node with --node.',
    exit: EXIT.usage,
  },
  KNAT_INVALID_INPUT: {
    meaning: 'A packet, a flow or a name in a question is invalid.',
    remedy: 'Correct the field that the message names.',
    exit: EXIT.usage,
  },
  KNAT_EXPECTATIONS_INVALID: {
    meaning: 'The file of knat verify has unknown keys or invalid values.',
    remedy: 'Correct the lines that the message names; knat verify --help shows the form.',
    exit: EXIT.usage,
  },
  KNAT_REPORT_UNWRITABLE: {
    meaning:
      'The file named by --junit, or that of verify --record, cannot be written; --record keeps an existing file.',
    remedy: 'Correct the path, remove the file, or give the user that runs knat permission to write there.',
    exit: EXIT.usage,
  },
  KNAT_OBJECT_PROBLEMS: {
    meaning: 'With --strict: some objects have problems; all others count.',
    remedy: 'Correct the objects that earlier messages name, or do not use --strict.',
    exit: EXIT.failed,
  },
  KNAT_AGENT_RUNNING: {
    meaning: 'Another agent already runs in this network namespace.',
    remedy:
      'Stop it first: send it SIGTERM (knat status shows its process), or stop its service or container.',
    exit: EXIT.agent,
  },
  KNAT_AGENT_NOT_RUNNING: {
    meaning: 'No agent runs in this network namespace.',
    remedy: 'Start one with knat agent. To explain from manifests, use --source.',
    exit: EXIT.agent,
  },
  KNAT_SOURCE_READING: {
    meaning: 'The agent has started and is still reading its source, so it has no plan yet.',
    remedy:
      'Try again shortly. If it takes long, knat status says what cannot be read. The rules of an earlier agent work meanwhile.',
    exit: EXIT.notReady,
  },
  KNAT_AGENT_SILENT: {
    meaning: 'The agent runs, but did not answer within the limit of --timeout.',
    remedy:
      'Try again, or allow more time with --timeout. If it stays silent, its log and knat doctor say what it is busy with.',
    exit: EXIT.notReady,
  },
  KNAT_AGENT_ENDED: {
    meaning: 'The agent ended, or closed the connection, before it had answered.',
    remedy: 'Try again: the agent may have been restarted. Its log says why it ended.',
    exit: EXIT.agent,
  },
  KNAT_AGENT_BUSY: {
    meaning: 'The agent answers as many questions of this kind as it can at one time (docs/limits.md).',
    remedy: 'Try again shortly. `ss -xp` on the node lists who is connected to the agent.',
    exit: EXIT.agent,
  },
  KNAT_WHAT_IF_BUSY: {
    meaning: 'The agent answers another question of what-if; it answers one at a time.',
    remedy: 'Try again shortly, or run knat what-if with a source, which needs no agent.',
    exit: EXIT.agent,
  },
  KNAT_WHAT_IF_LIMIT: {
    meaning: 'The answer of what-if is larger, or takes longer, than its limits of memory and time allow.',
    remedy: 'Ask about a part of the change, or run knat what-if where there is more memory.',
    exit: EXIT.failed,
  },
  KNAT_HISTORY_LIMIT: {
    meaning:
      'A question about the past has no answer within its limits: 20 s, the memory that is left, and eight that wait.',
    remedy:
      'Try again, raise the memory limit of the agent, or read the folder elsewhere with --history-dir.',
    exit: EXIT.failed,
  },
  KNAT_AGENT_DENIED: {
    meaning: 'The agent of this network namespace answers only root and its own user.',
    remedy: 'Run the command as root, or use HTTP on the node, which needs no rights (docs/http-api.md).',
    exit: EXIT.impossible,
  },
  KNAT_KUBE_PROXY_PRESENT: {
    meaning:
      'Service NAT is on, and rules of kube-proxy are in this network namespace: both would translate the same packets.',
    remedy:
      'Use --replace-kube-proxy to replace it, or stop kube-proxy and run kube-proxy --cleanup (the only way in IPVS mode), or leave the Services to kube-proxy with --beside-kube-proxy leave or --enable pod,egress. docs/migrate-from-kube-proxy.md has the steps.',
    exit: EXIT.impossible,
  },
  KNAT_KERNEL_DENIED: {
    meaning: 'The process may not change the network: it lacks the capability CAP_NET_ADMIN.',
    remedy: 'Run knat as root, or give it CAP_NET_ADMIN in this network namespace.',
    exit: EXIT.impossible,
  },
  KNAT_KERNEL_UNSUPPORTED: {
    meaning: 'This kernel lacks something that knat needs.',
    remedy: 'Use Linux 5.10 or newer with nf_tables and its NAT modules.',
    exit: EXIT.impossible,
  },
  KNAT_KERNEL_BUSY: {
    meaning: 'The kernel was out of memory, or its rules changed faster than knat could read them.',
    remedy: 'Try again. A running agent tries again by itself.',
    exit: EXIT.failed,
  },
  KNAT_KERNEL_REJECTED: {
    meaning: 'The kernel refused a change of knat.',
    remedy:
      'This is an error in knat: please report it with the message. A running agent reads the kernel again and retries.',
    exit: EXIT.internal,
  },
  KNAT_KERNEL_MALFORMED: {
    meaning: 'knat cannot read an answer of the kernel.',
    remedy: 'This is an error in knat: please report it with the message and the kernel version.',
    exit: EXIT.internal,
  },
  KNAT_DEMO_IMPOSSIBLE: {
    meaning: 'This machine lacks something that the demo needs: root, a program, a feature of the kernel.',
    remedy: 'Provide what the message names. In a container, the demo needs a privileged one.',
    exit: EXIT.impossible,
  },
  KNAT_DEMO_AGENT_FAILED: {
    meaning: 'An agent of the demo ended, or did not program the kernel in time.',
    remedy: 'The message contains the last lines of its log, which show the reason.',
    exit: EXIT.failed,
  },
  KNAT_TRACE_RUNNING: {
    meaning: 'Another packet trace runs on this node; there is one at a time.',
    remedy: 'Wait until it ends: the message says whose it is and how long that takes at most.',
    exit: EXIT.agent,
  },
  KNAT_TRACE_CUT: {
    meaning: 'The agent ended, or was restarted, before the trace did.',
    remedy: 'Run the command again when the agent is there. The kernel has removed the trace.',
    exit: EXIT.agent,
  },
  KNAT_AGENT_NOT_FOUND: {
    meaning:
      'kubectl knat found no agent on the node, several Pods that may be the agent, or an agent that does not run.',
    remedy: 'The message names the Pods that it found; kubectl knat nodes shows what every node reports.',
    exit: EXIT.agent,
  },
  KNAT_KUBECTL_MISSING: {
    meaning: 'kubectl knat needs kubectl, which is not on the PATH.',
    remedy: 'Install kubectl, or add its folder to the PATH.',
    exit: EXIT.impossible,
  },
  KNAT_KUBECTL_DENIED: {
    meaning: 'The user of kubectl lacks a right that kubectl knat needs.',
    remedy: 'Grant the right that the message names; docs/kubectl-plugin.md has a Role with all rights.',
    exit: EXIT.impossible,
  },
  KNAT_KUBECTL_FAILED: {
    meaning: 'kubectl itself failed.',
    remedy:
      "The message contains kubectl's own error; kubectl get nodes shows whether it reaches the cluster.",
    exit: EXIT.failed,
  },
  KNAT_HTTP_REFUSED: {
    meaning: 'A request over HTTP was refused, or its path does not exist.',
    remedy: 'The message says what is needed; docs/http-api.md describes who may read which path.',
    exit: EXIT.agent,
  },
  KNAT_INTERNAL: {
    meaning: 'An unexpected error in knat.',
    remedy:
      'Run the command again with --log-level debug and report the output. Programmed rules stay in force.',
    exit: EXIT.internal,
  },
} as const satisfies Record<string, ErrorCode>;

export type CommandCode = keyof typeof commandCodes;

/** All codes, as in docs/errors.md. */
export const errorCodes: ReadonlyMap<string, ErrorCode> = new Map<string, ErrorCode>([
  ...Object.entries(commandCodes),
  ...Object.entries({ ...sideCodes, ...webhookCodes }).map(
    ([code, known]) => [code, { ...known, exit: EXIT.ok }] as const,
  ),
  ...Object.entries(sourceCodes).map(
    ([code, known]) => [code, { ...known, exit: sourceExit(code) }] as const,
  ),
]);

/** An unreadable cluster may become readable; all other errors need a correction by the caller. */
function sourceExit(code: string): ExitCode {
  return /^KNAT_API_/.test(code) ? EXIT.failed : EXIT.usage;
}
