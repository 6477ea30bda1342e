import { type Command, Option } from 'commander';
import type { Question } from '../../forms/questions.ts';
import type { Context } from '../context.ts';
import { applyConfig, longName } from '../options/commander.ts';
import type { SettingValues } from '../options/table.ts';

/**
 * The values of a command's options. Precedence: the command line, the environment, the configuration file, the
 * configuration of kube-proxy. Throws CliError.
 */
export async function valuesOf<Values extends SettingValues>(
  command: Command,
  context: Context,
): Promise<Values> {
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
  const values = command.opts<Values>();
  context.debug = values.logLevel === 'debug';
  return values;
}

/** Adds the terms of a question as options, in their order. */
export function addQuestion(command: Command, terms: Question, group: string): void {
  for (const [name, { value, help }] of Object.entries(terms)) {
    const flag = `--${longName(name)}`;
    const option = new Option(value === null ? flag : `${flag} <${value}>`, help).helpGroup(group);
    command.addOption(value === null ? option.preset('true') : option);
  }
}

/** The examples at the end of a command's help. */
export function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`;
}
