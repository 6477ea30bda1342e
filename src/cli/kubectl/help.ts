import type { Command, Option } from 'commander';
import { pluginOptions } from './arguments.ts';
import { agentCommands, NODES } from './commands.ts';

const { namespace, ...whichOptions } = pluginOptions;
const NODE_OPTIONS = Object.values(whichOptions).map(optionRow);

const OTHER_OPTIONS = [
  optionRow(namespace),
  ['--context, --kubeconfig, --as, …', 'go to kubectl: kubectl options lists them'],
] as const;

function optionRow({ flags, value, help }: (typeof pluginOptions)[keyof typeof pluginOptions]) {
  return [`${flags.join(', ')} ${value}`, help] as const;
}

export function pluginHelp(program: Command): string {
  const commands = program.commands
    .filter((command) => agentCommands.has(command.name()))
    .map((command) => [command.name(), command.summary()] as const);
  return `Usage: kubectl knat COMMAND [options]

Asks the agent of knat on a node, through the API server: kubectl finds the
agent's Pod and runs a command of knat in it. The user of kubectl needs the verbs
get and list on pods, and get and create on pods/exec.

Commands:
${columns([...commands, [NODES.name, NODES.summary]])}

${whichAgent()}

Options of kubectl:
${columns(OTHER_OPTIONS)}

All other options are those of the command: kubectl knat COMMAND --help.

Examples:
  kubectl knat nodes
  kubectl knat status --node worker-1
  kubectl knat explain --from pod/shop/web-0 --to svc/shop/db:postgres
  kubectl knat flows --pod shop/web-0 --watch

The exit status is that of knat in the Pod. 4: no agent there to be asked.
`;
}

/** The command of knat, without options for manifests. */
export function commandHelp(known: Command): string {
  const parameters = known.registeredArguments.map((each) => ` [${each.name()}]`).join('');
  known.configureHelp({
    ...known.configureHelp(),
    commandUsage: () => `kubectl knat ${known.name()} [options]${parameters}`,
    commandDescription: () => sentence(known.summary()),
    // Variables are those of the Pod, not of this machine.
    optionDescription: ({ description }) => description,
    visibleOptions: ({ options }) => options.filter((option) => !isForManifests(option)),
  });
  return `${known.helpInformation()}
${whichAgent()}

Options of kubectl:
${columns(OTHER_OPTIONS)}

${examplesOf(agentCommands.get(known.name()) ?? [])}`;
}

export function nodesHelp(): string {
  return `Usage: kubectl knat nodes [NAME…] [options of kubectl get]

${sentence(NODES.summary)}

${examplesOf(NODES.examples)}`;
}

/** The option affects the plan; an agent already has its plan. */
export function isForManifests(option: Option): boolean {
  const groups = ['Source and node:', 'Pod NAT:'];
  return option.long === '--config' || groups.includes(option.helpGroupHeading ?? '');
}

function whichAgent(): string {
  return `Which agent, if there are several:\n${columns(NODE_OPTIONS)}`;
}

function examplesOf(examples: readonly string[]): string {
  return `Examples:\n${examples.map((line) => `  kubectl knat ${line}`).join('\n')}\n`;
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([term]) => term.length)) + 2;
  return rows.map(([term, meaning]) => `  ${term.padEnd(width)}${wrap(meaning, width + 2)}`).join('\n');
}

/** Characters in a line of help. */
const LINE = 80;

function wrap(text: string, indent: number): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + 1 + word.length > LINE - indent) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}
