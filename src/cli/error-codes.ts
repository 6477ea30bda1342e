import { sideCodes, sourceCodes } from '../model/finding-codes.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** What an error code means, what to do about it, and which exit status it ends a command with. */
export interface ErrorCode {
  readonly meaning: string;
  readonly remedy: string;
  readonly exit: ExitCode;
}

/** The codes that stop a command. A code never changes its meaning. */
const commandCodes = {
  KNAT_USAGE: {
    meaning: 'A command or an option is unknown, is missing, or has a value that it cannot have.',
    remedy: 'Correct the option named; --help lists what the command takes.',
    exit: EXIT.usage,
  },
  KNAT_CONFIG_UNREADABLE: {
    meaning: 'The file named by --config, --node-config or --kube-proxy-config cannot be read.',
    remedy: 'Correct the path, or give the user that runs knat permission to read it.',
    exit: EXIT.usage,
  },
  KNAT_CONFIG_INVALID: {
    meaning:
      'The file named by --config, --node-config or --kube-proxy-config has keys or values that it cannot have.',
    remedy: 'Correct the lines named. Keys are the long options in camelCase: logLevel for --log-level.',
    exit: EXIT.usage,
  },
  KNAT_NODE_NOT_NAMED: {
    meaning: 'The source does not hold exactly one Node, and no node was named.',
    remedy: 'Name the node with --node.',
    exit: EXIT.usage,
  },
  KNAT_INVALID_INPUT: {
    meaning: 'A packet, a flow or a name in a question cannot be what it should be.',
    remedy: 'Correct the field named.',
    exit: EXIT.usage,
  },
  KNAT_EXPECTATIONS_INVALID: {
    meaning: 'The file of knat verify has keys or values that it cannot have.',
    remedy: 'Correct the lines named; knat verify --help shows the form.',
    exit: EXIT.usage,
  },
  KNAT_REPORT_UNWRITABLE: {
    meaning: 'The file named by --junit cannot be written.',
    remedy: 'Correct the path, or give the user that runs knat permission to write there.',
    exit: EXIT.usage,
  },
  KNAT_OBJECT_PROBLEMS: {
    meaning: 'With --strict: objects have problems; everything else was programmed.',
    remedy: 'Mend what the messages before name, or leave --strict away.',
    exit: EXIT.failed,
  },
  KNAT_AGENT_RUNNING: {
    meaning: 'Another agent works in this network namespace already.',
    remedy:
      'Stop it first: send it SIGTERM (knat status shows its process), or stop its service or container.',
    exit: EXIT.agent,
  },
  KNAT_AGENT_NOT_RUNNING: {
    meaning: 'No agent runs in this network namespace.',
    remedy: 'Start one with knat agent, or, to explain from manifests, name a --source.',
    exit: EXIT.agent,
  },
  KNAT_SOURCE_READING: {
    meaning:
      'The agent has started and is still reading its source: it has no plan yet that could be asked about.',
    remedy:
      'Try again shortly. Where it lasts, knat status says what cannot be read; what was programmed before works meanwhile.',
    exit: EXIT.agent,
  },
  KNAT_AGENT_DENIED: {
    meaning: 'The agent of this network namespace answers root and its own user alone.',
    remedy: 'Ask as root; or over HTTP on the node (docs/http-api.md), which asks nothing of who is there.',
    exit: EXIT.impossible,
  },
  KNAT_KUBE_PROXY_PRESENT: {
    meaning:
      'Service NAT is on, and rules of kube-proxy are in this network namespace: both would decide about the same packets.',
    remedy:
      'Let knat take over with --replace-kube-proxy, stop kube-proxy and run kube-proxy --cleanup (the only way in IPVS mode), or leave the Services to it with --enable pod,egress. docs/migrate-from-kube-proxy.md has the steps.',
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
    meaning: 'The kernel was out of memory, or its rules changed faster than they could be read.',
    remedy: 'Try again. A running agent does so by itself.',
    exit: EXIT.failed,
  },
  KNAT_KERNEL_REJECTED: {
    meaning: 'The kernel refused what knat sent to it.',
    remedy:
      'This is an error of knat: please report it with the message. A running agent reads back and retries.',
    exit: EXIT.internal,
  },
  KNAT_KERNEL_MALFORMED: {
    meaning: 'The kernel answered with something that knat cannot read.',
    remedy: 'This is an error of knat: please report it with the message and the kernel version.',
    exit: EXIT.internal,
  },
  KNAT_DEMO_IMPOSSIBLE: {
    meaning:
      'This machine lacks something that the demo is made of: root, a program, a feature of the kernel.',
    remedy: 'Provide what the message names. Inside a container, the demo needs it to be privileged.',
    exit: EXIT.impossible,
  },
  KNAT_DEMO_AGENT_FAILED: {
    meaning: 'An agent of the demo ended, or programmed nothing in time.',
    remedy: 'The last lines of its log stand in the message. Look there for what it lacks.',
    exit: EXIT.failed,
  },
  KNAT_AGENT_NOT_FOUND: {
    meaning:
      'kubectl knat found no agent on the node, several Pods that may be it, or one that does not run.',
    remedy: 'The message has what is there; kubectl knat nodes shows what every node reports.',
    exit: EXIT.agent,
  },
  KNAT_KUBECTL_MISSING: {
    meaning: 'kubectl knat works by kubectl, which is not there.',
    remedy: 'Install kubectl, or add its folder to the PATH.',
    exit: EXIT.impossible,
  },
  KNAT_KUBECTL_DENIED: {
    meaning: 'The user that kubectl acts as may not do what kubectl knat needs.',
    remedy: 'Let the user be given what the message names; docs/kubectl-plugin.md has a Role with all of it.',
    exit: EXIT.impossible,
  },
  KNAT_KUBECTL_FAILED: {
    meaning: 'kubectl itself failed.',
    remedy:
      'Its own words stand in the message; kubectl get nodes shows whether it reaches the cluster at all.',
    exit: EXIT.failed,
  },
  KNAT_HTTP_REFUSED: {
    meaning: 'A request over HTTP was refused, or asked for something that is not there.',
    remedy: 'The message says what is needed; docs/http-api.md has who may read what.',
    exit: EXIT.agent,
  },
  KNAT_INTERNAL: {
    meaning: 'An error inside knat that was not foreseen.',
    remedy:
      'Run the command again with --log-level debug and report what it prints. What is programmed stays.',
    exit: EXIT.internal,
  },
} as const satisfies Record<string, ErrorCode>;

export type CommandCode = keyof typeof commandCodes;

/** Every code of the program; docs/errors.md has the same. */
export const errorCodes: ReadonlyMap<string, ErrorCode> = new Map<string, ErrorCode>([
  ...Object.entries(commandCodes),
  ...Object.entries(sideCodes).map(([code, known]) => [code, { ...known, exit: EXIT.ok }] as const),
  ...Object.entries(sourceCodes).map(
    ([code, known]) => [code, { ...known, exit: sourceExit(code) }] as const,
  ),
]);

/** A cluster that cannot be read may be readable later; everything else has to be corrected by whoever called. */
function sourceExit(code: string): ExitCode {
  return /^KNAT_API_/.test(code) ? EXIT.failed : EXIT.usage;
}
