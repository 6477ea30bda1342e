import { z } from 'zod';
import { didYouMean } from '../../base/did-you-mean.ts';
import { CliError } from '../cli-error.ts';
import { readInputFile } from '../input-file.ts';
import { onlyDocument } from '../only-document.ts';
import { type Setting, type SettingValues, settings } from './table.ts';

/** Reads the file of `--config`. Throws CliError with every error's line and key. */
export async function readConfigFile(path: string): Promise<SettingValues> {
  return parseConfig(await readInputFile(path, 'the configuration file'), path);
}

export function parseConfig(text: string, filename: string): SettingValues {
  const root = onlyDocument(text, filename, invalid);
  if (root === undefined || root.value === null) return {};
  const parsed = schema.safeParse(root.value);
  if (parsed.success) return parsed.data;
  const messages = parsed.error.issues.flatMap(messagesOf).map(({ steps, message }) => {
    return {
      line: root.lineOf(steps),
      text: `${steps.length === 0 ? '' : `${steps.join('.')}: `}${message}`,
    };
  });
  messages.sort((a, b) => a.line - b.line);
  throw invalid(
    filename,
    messages.map(({ line, text }) => `${filename}:${line}: ${text}`),
  );
}

const schema: z.ZodType<SettingValues> = z.strictObject(
  Object.fromEntries(Object.entries(settings).map(([name, setting]) => [name, valueSchema(setting)])),
  { error: (issue) => (issue.code === 'invalid_type' ? 'the file is no mapping of options' : undefined) },
);

function valueSchema(setting: Setting<unknown>) {
  return z
    .unknown()
    .transform((value, context) => {
      try {
        return setting.read(value);
      } catch (error) {
        context.addIssue(error instanceof Error ? error.message : String(error));
        return z.NEVER;
      }
    })
    .optional();
}

function messagesOf(issue: z.core.$ZodIssue): { steps: (string | number)[]; message: string }[] {
  const steps = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code !== 'unrecognized_keys') return [{ steps, message: issue.message }];
  return issue.keys.map((key) => {
    const meant = didYouMean(key.replaceAll('-', ''), Object.keys(settings));
    const hint = meant === null ? 'knat agent --help lists the options' : `did you mean ${meant}?`;
    return { steps: [...steps, key], message: `unknown key: ${hint}` };
  });
}

function invalid(filename: string, details: readonly string[]): CliError {
  return new CliError('KNAT_CONFIG_INVALID', `the configuration file ${filename} cannot be used`, details);
}
