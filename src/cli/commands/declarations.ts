import { Option } from 'commander';
import {
  entryQuestion,
  flowQuestion,
  journalQuestion,
  listQuestion,
  momentQuestion,
  packetQuestion,
  traceQuestion,
} from '../../forms/questions.ts';
import { AGENT_SETTINGS, PLAN_SETTINGS } from '../options/table.ts';
import type { CleanupValues } from './cleanup.ts';
import {
  type CommandDeclaration,
  type CommandOption,
  ownOption,
  questionOptions,
  TIMEOUT,
} from './command.ts';
import type { DemoValues } from './demo.ts';
import type { DiffValues } from './diff.ts';
import type { EntriesValues } from './entries.ts';
import type { ExplainValues } from './explain.ts';
import type { FlowsValues } from './flows.ts';
import type { HistoryValues } from './history.ts';
import type { TraceValues } from './trace.ts';
import type { VerifyValues } from './verify.ts';
import type { WebhookValues } from './webhook.ts';
import type { WhatIfValues } from './what-if.ts';

/** For each name of the program. */
export const AGENT_OPTIONS: readonly CommandOption[] = [
  ...PLAN_SETTINGS,
  ...AGENT_SETTINGS,
  'config',
  'output',
  'logLevel',
  'logFormat',
];

const PACKET = 'The packet:';
const WORK = 'What to work on:';
const CHANGE = 'The change:';
const INSTEAD = 'Instead of the list:';
const SERVING = 'What is served:';
const AGENT_HELP = 'ask the running agent, even if a source is set';

const { search, ...entryOptions } = entryQuestion;
const { object: _object, address: _address, ...journalOptions } = journalQuestion;

/** The values of an option that may be repeated. */
function collected(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}

/** In the order of the help. */
export const commands: readonly CommandDeclaration[] = [
  {
    name: 'agent',
    summary: 'do the NAT of this node, until stopped',
    description:
      'Programs the NAT that the objects of the source ask for and keeps it in force, until SIGTERM or SIGINT. When\n' +
      'it stops, the rules stay in the kernel; knat cleanup removes them. Only one agent can run in a network\n' +
      'namespace. The log names objects that cannot be used; everything else is programmed.',
    options: AGENT_OPTIONS,
    examples: [
      'knat agent --source kubernetes                                    # in a pod of the node, or with a kubeconfig',
      'knat agent --source dir:/etc/knat/manifests',
      'knat agent --source dir:/etc/knat/manifests --enable pod,egress   # kube-proxy keeps the Services',
      'knat agent --source dir:/etc/knat/manifests --replace-kube-proxy',
      'knat agent --source dir:. --node worker-1 --dry-run               # what would change?',
      'KNAT_SOURCE=dir:/etc/knat/manifests KNAT_LOG_LEVEL=debug knat agent --once',
    ],
    run: async (values, context) => (await import('./agent.ts')).runAgentWith(values, context),
  },
  {
    name: 'explain',
    summary: 'show what happens to a packet, step by step, and why',
    description:
      'Follows the first packet of a connection through the NAT of a node: each step with its object, the packet\n' +
      'before and after, and the reply. With --source it reads manifests and needs neither rights nor a kernel;\n' +
      'without, it asks the agent that runs in this network namespace.',
    options: [
      ...questionOptions(packetQuestion, PACKET),
      ...questionOptions(listQuestion, 'Output:'),
      ownOption(
        '--flows <FILE>',
        'many packets at once, instead of the above: a JSON list of {sourceIP, protocol, destIP, destPort}, with inputInterface if needed; - reads standard input',
        PACKET,
      ),
      ...questionOptions(momentQuestion, WORK),
      'historyDir',
      ownOption('--agent', AGENT_HELP, WORK),
      ownOption(
        '--conntrack',
        'with --source, on the node itself: also look for existing connections that match the packet; the agent always does',
        WORK,
      ),
      ...PLAN_SETTINGS,
      'config',
      'output',
      'logLevel',
      TIMEOUT,
    ],
    examples: [
      'knat explain --from 10.244.1.5 --to 10.96.0.10:53 --proto udp',
      'knat explain --from pod/shop/web-0 --to svc/shop/db:postgres --source dir:manifests --node worker-1',
      'knat explain --from 10.244.1.5 --to 10.96.0.10:53 --at 2026-01-31T15:04:05Z',
      'knat explain --source dir:manifests --node worker-1 --flows flows.json -o json',
    ],
    run: async (values: ExplainValues, context) => (await import('./explain.ts')).explain(values, context),
  },
  {
    name: 'what-if',
    summary: 'show what a change of objects would do to packets',
    description:
      'Compares the state of the source with the state after a change and lists all packets whose fate differs:\n' +
      'from where, to where, before and after. The list is complete: a packet that is in no line keeps its fate.\n' +
      'Changes nothing, and needs neither rights nor a kernel. docs/what-if.md.',
    options: [
      new Option('-f, --file <FILE>', 'a manifest that is applied; - reads standard input; may be repeated')
        .argParser(collected)
        .helpGroup(CHANGE),
      new Option(
        '--delete <KIND/NAMESPACE/NAME>',
        'an object that is deleted (KIND/NAME without a namespace); may be repeated',
      )
        .argParser(collected)
        .helpGroup(CHANGE),
      ownOption(
        '--against <SOURCE>',
        'the whole state after the change: dir:PATH or kubernetes, instead of --file and --delete',
        CHANGE,
      ),
      ownOption(
        '--all-nodes',
        'ask for every node; classes that are the same on all of them are listed once',
        WORK,
      ),
      ownOption(
        '--connections',
        'on the node itself: also count the existing connections of these packets, and list the ten largest; asks the running agent',
        WORK,
      ),
      ownOption(
        '--expectations <FILE>',
        'a file of knat verify: also tell which of its expectations break',
        WORK,
      ),
      new Option('-o, --output <FORM>', 'text, json or markdown')
        .choices(['text', 'json', 'markdown'])
        .default('text')
        .helpGroup('Output:'),
      ownOption(
        '--all',
        'as text and markdown: every object and line, not only the first 50 objects with 20 lines each',
        'Output:',
      ),
      ownOption('--exit-code', 'end with status 2 if the fate of any packet changes', 'Output:'),
      ownOption('--strict', 'end with status 1 if an object of the change has a problem', 'Output:'),
      ...PLAN_SETTINGS,
      'config',
      'logLevel',
      TIMEOUT,
    ],
    examples: [
      'knat what-if --source dir:cluster --node worker-1 -f change.yaml',
      'knat what-if --source dir:cluster --all-nodes --delete Service/shop/web -o json',
      'knat what-if --source kubernetes --all-nodes --against dir:new -o markdown',
      'kubectl kustomize overlay | knat what-if --source kubernetes --node worker-1 -f - --exit-code',
    ],
    run: async (values, context) => (await import('./what-if.ts')).whatIf(values as WhatIfValues, context),
  },
  {
    name: 'verify',
    summary: 'check the outcome for packets against a file of expectations',
    description:
      'Checks expectations ("this pod reaches the outside as 203.0.113.7") against manifests or a cluster, without\n' +
      'rights and without a kernel. Ends with status 1 if one is not met, for use in pipelines. One that depends on\n' +
      'addresses that no object tells is unknown: status 1 with --strict.',
    argument: ['<file>', 'the expectations, YAML or JSON; - reads standard input'],
    options: [
      ownOption('--junit <FILE>', 'also write the results as JUnit XML, for a pipeline', 'Output:'),
      ownOption(
        '--record',
        'write <file> instead of reading it: expectations for what is in force now, of every node or of --node; an existing file is kept',
        'Output:',
      ),
      ...PLAN_SETTINGS,
      'config',
      'strict',
      'output',
      'logLevel',
    ],
    notes: `
An expectation names a packet as knat explain does, and what should become of it:

  node: worker-1                  # for expectations that name none
  addresses:                      # beside those of the Node objects
    worker-1: [203.0.113.25]
  expectations:
    - name: the mail server speaks with its own address
      from: pod/mail/postfix-0    # seen by the pod's own node unless node says otherwise
      to: 198.51.100.10:25
      as: 203.0.113.25            # or same, node, node/NAME
    - name: the shop is served by its pods alone
      from: 198.51.100.9
      to: svc/shop/web:http
      reaches: [pod/shop/web-0:8080, pod/shop/web-1:8080]
    - from: 198.51.100.9
      to: 203.0.113.11:6443
      verdict: none               # dnat, snat, none, drop or reject
`,
    examples: [
      'knat verify expectations.yaml --source dir:manifests',
      'knat verify expectations.yaml --source kubernetes --junit report.xml',
      'knat verify expectations.yaml --source kubernetes --record',
    ],
    run: async (values: VerifyValues, context, file = '') =>
      (await import('./verify.ts')).verify(values, context, file),
  },
  {
    name: 'webhook',
    summary: 'tell what a change does when somebody applies it to a cluster',
    description:
      'Answers the API server as a validating admission webhook: kubectl apply prints what a change does to packets,\n' +
      'and changes that break a protected expectation are refused. Programs nothing. The chart runs it with\n' +
      'webhook.enabled; it makes and renews its certificates itself. docs/webhook.md.',
    options: [
      ownOption('--listen <ADDRESS:PORT>', 'where the API server asks, over TLS', SERVING).default(
        '[::]:9443',
      ),
      ownOption(
        '--status-address <ADDRESS:PORT>',
        'serve /livez, /readyz, /healthz and /metrics here; empty: nowhere',
        SERVING,
      ).default('[::]:9444'),
      ownOption('--service <NAMESPACE/NAME>', 'the Service in front of it, for the certificate', SERVING),
      ownOption(
        '--secret <NAMESPACE/NAME>',
        'the Secret that holds the certificates; it must exist',
        SERVING,
      ),
      ownOption(
        '--configuration <NAME>',
        'the ValidatingWebhookConfiguration that is to trust the certificate',
        SERVING,
      ),
      ownOption(
        '--expectations <FILE>',
        'a file of knat verify: changes that break one with "protect: true" are refused; read again when it changes, and may be absent',
        WORK,
      ),
      ...PLAN_SETTINGS,
      'config',
      'logLevel',
      'logFormat',
    ],
    examples: [
      'knat webhook --source kubernetes --service knat/knat-webhook --secret knat/knat-webhook --configuration knat',
    ],
    run: async (values, context) => (await import('./webhook.ts')).webhook(values as WebhookValues, context),
  },
  {
    name: 'diff',
    summary: 'show differences between the plan and the kernel',
    description:
      'Compares the plan with the kernel of this network namespace, by object and by element, and writes nothing.\n' +
      'Uses the plan of the running agent; with --source it reads the objects itself, as agent --dry-run does.\n' +
      'Ends with status 1 if something differs. docs/explain.md.',
    options: [
      ownOption('--agent', AGENT_HELP, 'Source and node:'),
      ...PLAN_SETTINGS,
      'config',
      ownOption(
        '--limit <NUMBER>',
        'list at most this many elements; all are counted (default: 1000)',
        'Output:',
      ),
      'output',
      'logLevel',
      TIMEOUT,
    ],
    examples: [
      'knat diff',
      'knat diff --source dir:/etc/knat/manifests',
      'knat diff --limit 0                          # only numbers by object',
      'knat diff -o json',
    ],
    run: async (values: DiffValues, context) => (await import('./diff.ts')).diff(values, context),
  },
  {
    name: 'status',
    summary: 'show what is programmed, and problems',
    description:
      'Shows what the agent of this network namespace has programmed, and its problems. Ends with status 1 while\n' +
      'the kernel refuses changes. If no agent runs, it shows the tables of knat in the kernel and ends with\n' +
      'status 4.',
    options: ['output', 'logLevel', TIMEOUT],
    examples: ['knat status', 'knat status -o json | jq .problems', 'ip netns exec worker-1 knat status'],
    run: async (values, context) => (await import('./status.ts')).status(values, context),
  },
  {
    name: 'entries',
    summary: 'list what is programmed, entry by entry',
    description:
      'Lists the entries of the plan of this network namespace, each with its object, and what objects asked for\n' +
      'but did not get, with the reason.',
    argument: ['[text]', search.help],
    options: [...questionOptions(entryOptions, 'Which entries:'), 'output', 'logLevel', TIMEOUT],
    examples: [
      'knat entries',
      'knat entries --kind binding',
      'knat entries --kind refused                  # what was refused, and why',
      'knat entries --object shop/web -o json',
      'knat entries 203.0.113.7',
    ],
    run: async (values: EntriesValues, context, text) =>
      (await import('./entries.ts')).entries(values, context, text),
  },
  {
    name: 'flows',
    summary: 'list translated connections, with names',
    description:
      'Lists the translated connections of this network namespace: sender, destination, the endpoint that answers,\n' +
      'the address they leave with, and the object that translates them. The agent adds the names; without an\n' +
      'agent only addresses are listed. docs/flows.md.',
    options: [
      ...questionOptions(flowQuestion, 'Which flows:'),
      ownOption('--watch', 'show flows as they begin, change and end, until interrupted', INSTEAD),
      ownOption(
        '--flush',
        'with --stale: end these flows, so that they begin again with the present translation',
        INSTEAD,
      ),
      ownOption('--rates', 'traffic of bindings, Services and pools', INSTEAD),
      ownOption('--seconds <NUMBER>', 'with --rates: seconds between the two readings (default: 2)', INSTEAD),
      ownOption('--ports', 'use of source ports, by address and destination', INSTEAD),
      ownOption(
        '--who <ADDRESS:PORT>',
        'which Pod used this address and port (from the attribution log)',
        INSTEAD,
      ),
      ownOption(
        '--at <TIME>',
        'with --who: the time: 2026-01-31T15:04:05Z, or 2h (ago) (default: now)',
        INSTEAD,
      ),
      'output',
      'logLevel',
      TIMEOUT,
    ],
    examples: [
      'knat flows',
      'knat flows --pod shop/web-0 --watch',
      'knat flows --kind egress --address 198.51.100.0/24 -o json',
      'knat flows --stale --flush',
      'knat flows --who 203.0.113.7:40001 --at 2026-01-31T15:04:05Z',
    ],
    run: async (values: FlowsValues, context) => (await import('./flows.ts')).flows(values, context),
  },
  {
    name: 'trace',
    summary: 'show what the next real packets do, step by step',
    description:
      'Follows the next packets of a kind through this node: every rule that decides, of knat and of other programs,\n' +
      'with the object behind it; the packet before and after; where it left, or who dropped it; and whether that is\n' +
      'what knat explain says. Asks the running agent. Only these packets are traced, 20 a second at most, and the\n' +
      'kernel removes the trace when the agent or this command ends, however it ends. docs/trace.md.',
    options: [...questionOptions(traceQuestion, PACKET), 'output', 'logLevel'],
    examples: [
      'knat trace --from pod/shop/web-0 --to svc/shop/db:postgres',
      'knat trace --from pod/shop/web-0 --to svc/shop/db:postgres --count 1 --replies',
      'knat trace --from 198.51.100.9 --to node/worker-1:443 --seconds 120 --dropped',
      'knat trace --from pod/shop/web-0 --to 192.0.2.53:53 --proto udp -o json',
    ],
    run: async (values: TraceValues, context) => (await import('./trace.ts')).trace(values, context),
  },
  {
    name: 'history',
    summary: 'show who changed what, when, and what it did to packets',
    description:
      'Lists what came into force in this network namespace: objects that came, changed and went, who wrote them,\n' +
      'and what is translated differently since; restarts, conflicts, and repairs of the tables. Asks the running\n' +
      'agent; with --history-dir it reads the folder itself, as root. docs/history.md.',
    argument: [
      '[object or address]',
      'only what concerns shop/web, "Service shop/web", 10.96.0.10 or 10.96.0.10:80',
    ],
    options: [...questionOptions(journalOptions, 'Which entries:'), 'historyDir', 'output', 'logLevel'],
    examples: [
      'knat history',
      'knat history shop/web --since 2h',
      'knat history 10.96.0.10:80 -o json',
      'knat history --since 2026-01-31T15:00:00Z --until 2026-01-31T16:00:00Z --history-dir /var/lib/knat/history',
    ],
    run: async (values: HistoryValues, context, what) =>
      (await import('./history.ts')).history(values, context, what),
  },
  {
    name: 'doctor',
    summary: 'find what on this host prevents NAT, with remedies',
    description:
      'Checks this host, or the network namespace in which it runs: kernel, forwarding, filters, rules of other\n' +
      'programs, limits for connections. Changes nothing. Ends with status 1 if it finds an error.',
    options: [...PLAN_SETTINGS, 'config', 'output', 'logLevel', TIMEOUT],
    examples: [
      'knat doctor',
      'knat doctor -o json',
      'knat doctor --source dir:/etc/knat/manifests --node worker-1',
    ],
    run: async (values, context) => (await import('./doctor.ts')).doctor(values, context),
  },
  {
    name: 'cleanup',
    summary: 'remove everything that knat made in the kernel, and nothing else',
    description:
      'Removes the tables of knat from this network namespace, its rule in FORWARD chains of iptables and its\n' +
      'routing rules, and prints their names. Established connections may lose their NAT. Refused while an agent\n' +
      'runs, because the agent would add everything again at once.',
    options: [
      ownOption('--force', 'clean up even while an agent runs'),
      ownOption('--podnat-controller', 'also remove the chains that a former podnat-controller left'),
      'podnatPrefix',
      'output',
      'logLevel',
      TIMEOUT,
    ],
    examples: ['knat cleanup', 'knat cleanup --podnat-controller', 'ip netns exec worker-1 knat cleanup'],
    run: async (values: CleanupValues, context) => (await import('./cleanup.ts')).cleanUp(values, context),
  },
  {
    name: 'demo',
    summary: 'show how real packets are translated, in network namespaces of this machine',
    description:
      'Builds two nodes, pods and an outside from network namespaces, runs an agent in each node with one folder of\n' +
      'manifests, connects through every kind of NAT, changes manifests and shows the effect. On a terminal it\n' +
      'keeps running until Ctrl-C. No packet leaves this machine, and everything is removed at the end. Needs root.',
    options: [
      new Option('--family <FAMILY>', 'ipv4, ipv6 or both').choices(['ipv4', 'ipv6', 'both']).default('both'),
      ownOption('--keep', 'keep running until Ctrl-C, even without a terminal'),
      ownOption('--no-wait', 'end after the last step, even on a terminal'),
    ],
    examples: ['knat demo', 'knat demo --no-wait   # status 0: everything as expected'],
    run: async (values, context) => (await import('./demo.ts')).demo(values as DemoValues, context),
  },
  {
    name: 'completion',
    summary: 'print what a shell reads to complete commands, options and names',
    description:
      'Prints a script for bash, zsh or fish. Names of pods, Services and nodes come from the running agent, so they\n' +
      'are completed on a node; commands, options, values and files everywhere.',
    argument: ['<shell>', 'bash, zsh or fish'],
    options: [],
    examples: [
      'source <(knat completion bash)                                        # for this shell',
      'knat completion bash > /etc/bash_completion.d/knat                    # for every shell from now on',
      'knat completion zsh > /usr/local/share/zsh/site-functions/_knat',
      'knat completion fish > ~/.config/fish/completions/knat.fish',
    ],
    run: async (_, context, shell = '') => (await import('./completion.ts')).completion(context, shell),
  },
  {
    name: 'version',
    summary: 'print the versions of knat, Node.js, nft and the kernel',
    description: 'Prints the versions to name in an error report.',
    options: ['output', 'logLevel'],
    examples: ['knat version', 'knat version -o json'],
    run: async (values, context) => (await import('./version.ts')).version(values, context),
  },
];
