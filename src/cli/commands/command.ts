import { type Command, Option } from 'commander';
import type { Question } from '../../forms/questions.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { addConfigOption, addSettings, applyConfig } from '../options/commander.ts';
import { longName, type SettingName, type SettingValues } from '../options/table.ts';

/** A name from the table, `config` for `--config`, or an option of this command only. */
export type CommandOption = SettingName | 'config' | Option;

/** Everything for a command's help. Its code is loaded when it runs. */
export interface CommandDeclaration {
  readonly name: string;
  readonly summary: string;
  /** Lines of at most 110 characters. */
  readonly description: string;
  /** Name in commander's form, `<file>` or `[text]`, and help. */
  readonly argument?: readonly [name: string, help: string];
  readonly options: readonly CommandOption[];
  /** Shown between options and examples. */
  readonly notes?: string;
  readonly examples: readonly string[];
  run(values: SettingValues, context: Context, argument: string | undefined): Promise<void>;
}

/** @param isWhole false: only what the list of commands shows */
export function addCommand(
  program: Command,
  declaration: CommandDeclaration,
  context: Context,
  isWhole: boolean,
): void {
  const { name, summary, description, argument, options, notes = '', examples } = declaration;
  const command = program.command(name).summary(summary).description(description);
  if (!isWhole) return;
  if (argument !== undefined) command.argument(...argument);
  addOptions(command, options);
  command.addHelpText('after', `${notes}\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}\n`);
  command.action(async () => {
    await declaration.run(await valuesOf(command, context), context, command.args[0]);
  });
}

export function addOptions(command: Command, options: readonly CommandOption[]): void {
  for (const option of options) {
    if (option === 'config') addConfigOption(command);
    else if (typeof option === 'string') addSettings(command, [option]);
    else command.addOption(option);
  }
}

/** An option of one command only; `group` is its heading in the help. */
export function ownOption(flags: string, help: string, group = 'Options:'): Option {
  return new Option(flags, help).helpGroup(group);
}

/** For commands that ask the agent. */
export const TIMEOUT: Option = ownOption(
  '--timeout <SECONDS>',
  'wait at most so long for the answer of the agent (default: 300)',
  'Output:',
).argParser(readSeconds);

/** Milliseconds. */
function readSeconds(text: string): number {
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (seconds === 0) {
    throw new CliError('KNAT_USAGE', `--timeout: "${text}" is no number of seconds from 1 to 99999`);
  }
  return seconds * 1000;
}

export function questionOptions(terms: Question, group: string): Option[] {
  return Object.entries(terms).map(([name, { value, help }]) => {
    const flag = `--${longName(name)}`;
    return value === null
      ? ownOption(flag, help, group).preset('true')
      : ownOption(`${flag} <${value}>`, help, group);
  });
}

/** Precedence: command line, environment, configuration file, kube-proxy's configuration. Throws CliError. */
export async function valuesOf(command: Command, context: Context): Promise<SettingValues> {
  const { config } = command.opts<{ config?: string }>();
  if (config !== undefined) {
    const { readConfigFile } = await import('../options/config-file.ts');
    applyConfig(command, await readConfigFile(config));
  }
  const { kubeProxyConfig } = command.opts<SettingValues>();
  if (kubeProxyConfig !== undefined) {
    const { readKubeProxyConfig } = await import('../options/kube-proxy-config.ts');
    const { settings, facts } = await readKubeProxyConfig(kubeProxyConfig);
    applyConfig(command, settings);
    command.setOptionValueWithSource('kubeProxy', facts, 'config');
  }
  const values = command.opts<SettingValues>();
  context.debug = values.logLevel === 'debug';
  const { timeout } = command.opts<{ timeout?: number }>();
  if (timeout !== undefined) context.answerLimit = timeout;
  return values;
}
