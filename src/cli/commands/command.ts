import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { applyConfig } from '../options/commander.ts';
import type { SettingValues } from '../options/table.ts';

/**
 * What the options of a command say: the command line, then the environment, then the configuration file, then the
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

/** The end of a command's help: what to type. */
export function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`;
}
