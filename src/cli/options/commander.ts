import { type Command, InvalidArgumentError, Option } from 'commander';
import { longName, type Setting, type SettingName, type SettingValues, settings } from './table.ts';

/** `annotationKey` → `KNAT_ANNOTATION_KEY`. */
export function environmentName(name: string): string {
  return `KNAT_${longName(name).replaceAll('-', '_').toUpperCase()}`;
}

/** Each option is also an environment variable. */
export function addSettings(command: Command, names: readonly SettingName[]): void {
  for (const name of names) {
    const setting: Setting<unknown> = settings[name];
    const short = setting.short === undefined ? '' : `-${setting.short}, `;
    const value = setting.placeholder === null ? '[true|false]' : `<${setting.placeholder}>`;
    let isNull = false;
    const option = new Option(`${short}--${longName(name)} ${value}`, setting.help)
      .env(environmentName(name))
      .helpGroup(setting.group)
      .argParser((text: string) => {
        const read = readArgument(setting, text);
        isNull = read === null;
        return read;
      });
    if (setting.placeholder === null) option.preset('true');
    command.addOption(option);
    // Commander turns null into an empty text, but null has a meaning here: nowhere.
    const keepNull = (source: 'cli' | 'env') => () => {
      if (isNull) command.setOptionValueWithSource(option.attributeName(), null, source);
    };
    command.on(`option:${option.name()}`, keepNull('cli'));
    command.on(`optionEnv:${option.name()}`, keepNull('env'));
    if (setting.negatable === true) {
      command.addOption(
        new Option(`--no-${longName(name)}`, `the same as --${longName(name)}=false`).helpGroup(
          setting.group,
        ),
      );
    }
  }
}

export function addConfigOption(command: Command): void {
  command.addOption(
    new Option('--config <FILE>', 'YAML file with options, in camelCase: logLevel for --log-level')
      .env(environmentName('config'))
      .helpGroup('Running:'),
  );
}

/** Applies the configuration's values that neither command line nor environment sets. */
export function applyConfig(command: Command, values: SettingValues): void {
  for (const [name, value] of Object.entries(values)) {
    const known = command.options.some((option) => option.attributeName() === name);
    if (!known || value === undefined) continue;
    const source = command.getOptionValueSource(name);
    if (source === undefined || source === 'default') command.setOptionValueWithSource(name, value, 'config');
  }
}

function readArgument(setting: Setting<unknown>, text: string): unknown {
  try {
    return setting.read(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}
