import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { applyConfig } from '../options/commander.ts';
import type { SettingValues } from '../options/table.ts';

/** What the options of a command say, the configuration file included. Throws CliError. */
export async function valuesOf<Values extends SettingValues>(
  command: Command,
  context: Context,
): Promise<Values> {
  const { config } = command.opts<{ config?: string }>();
  if (config !== undefined) {
    const { readConfigFile } = await import('../options/config-file.ts');
    applyConfig(command, await readConfigFile(config));
  }
  const values = command.opts<Values>();
  context.debug = values.logLevel === 'debug';
  return values;
}

/** The end of a command's help: what to type. */
export function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`;
}
