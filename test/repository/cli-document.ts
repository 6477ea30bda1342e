import type { Command, Option } from 'commander';
import { exitMeanings } from '../../src/cli/exit-codes.ts';

/** The text of docs/cli.md. */
export function cliDocument(program: Command): string {
  return `# The command line

\`knat\` is one program with commands. \`knat --help\` and \`knat COMMAND --help\` say the same as this page, which is made
from the program by \`scripts/generate-docs\`; a test compares the two.

## Where options come from

An option with a variable named below can be given in three places. The first of them that has it counts:

1. the command line: \`--log-level debug\`;
2. the environment: \`KNAT_LOG_LEVEL=debug\`;
3. the file that \`--config FILE\` (or \`KNAT_CONFIG\`) names, YAML, with the option's name in camelCase: \`logLevel: debug\`.

Lists are written with commas; in the file a YAML list does too. Switches take \`=true\` and \`=false\`. One file may serve
all commands: a command leaves alone what it has no option for. A key that no command knows is an error that names
its line. Paths are relative to the working directory. Options without a variable say what is asked, such as the
packet of \`knat explain\`, and are given on the command line alone.

    # /etc/knat/config.yaml
    source: dir:/etc/knat/manifests
    node: worker-1
    enable: [pod, egress]
    excludeFilterNetworks: [10.20.0.0/16]

## Access to a cluster

\`--source kubernetes\` reads kubeconfigs by kubectl's rules: several files in \`KUBECONFIG\`, paths relative to their file, tokens
and \`tokenFile\`, client certificates, name and password, exec plugins (v1 and v1beta1), \`as\` and its groups, \`tls-server-name\`,
\`proxy-url\` (http, https, socks5). Files are read again for each request, and the kubeconfig when the server refuses the credentials.

* \`auth-provider\` (\`oidc\`, \`gcp\`, \`azure\`) is refused: use an exec plugin, a token or a client certificate.
* An exec plugin that asks a person (\`interactiveMode: Always\`) needs a terminal. Without one, a plugin has 60 s to answer.
* \`HTTPS_PROXY\`, \`HTTP_PROXY\` and \`NO_PROXY\` count, also in a pod; a \`proxy-url\` comes first. Loopback addresses and \`localhost\`
  are never reached through a proxy of the environment.

## Exit status

| status | meaning |
|---|---|
${Object.entries(exitMeanings)
  .map(([code, meaning]) => `| ${code} | ${meaning} |`)
  .join('\n')}

\`docs/errors.md\` has every error code with what to do about it. Errors are one message on standard error; stack traces
only with \`--log-level debug\`.

## When objects are broken

An object that cannot be used stops nothing else: everything valid is programmed, what was valid before stays in
force, and the problem is named with file, line, object and field on standard error, in \`knat status\` and in its JSON.
\`knat agent --once\` therefore ends with status 0 although objects have problems; with \`--strict\` it programs the same
and ends with status 1.
${program.commands.map(commandSection).join('')}`;
}

function commandSection(command: Command): string {
  const usage = `knat ${command.name()} ${command.usage()}`;
  return `
## knat ${command.name()}

${command.description().replaceAll('\n', ' ')}

    ${usage}
${examplesOf(command)}
| option | variable | meaning |
|---|---|---|
${command.options.map(optionRow).join('\n')}
`;
}

function optionRow(option: Option): string {
  const flags = option.flags.replace(' [true|false]', '').replaceAll('|', '\\|');
  const variable = option.envVar === undefined ? '' : `\`${option.envVar}\``;
  return `| \`${flags}\` | ${variable} | ${option.description.replaceAll('|', '\\|')} |`;
}

/** The examples that the help ends with. */
function examplesOf(command: Command): string {
  let help = '';
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
  });
  command.outputHelp();
  const examples = /\nExamples:\n([\s\S]*)$/.exec(help)?.[1] ?? '';
  return `\nExamples:\n\n${examples.trimEnd().replace(/^ {2}/gm, '    ')}\n`;
}
