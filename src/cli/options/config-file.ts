import { z } from 'zod';
import { didYouMean } from '../../base/did-you-mean.ts';
import { errorLines, schemaErrors } from '../../sources/objects/schema-errors.ts';
import { CliError } from '../cli-error.ts';
import { readInputFile } from '../input-file.ts';
import { onlyDocument } from '../only-document.ts';
import { type Setting, type SettingValues, settings } from './table.ts';

/** Throws CliError with every error's line and key. */
export async function readConfigFile(path: string): Promise<SettingValues> {
  return parseConfig(await readInputFile(path, 'the configuration file'), path);
}

export function parseConfig(text: string, filename: string): SettingValues {
  const root = onlyDocument(text, filename, invalid);
  if (root === undefined || root.value === null) return {};
  const parsed = schema.safeParse(root.value);
  if (parsed.success) return parsed.data;
  throw invalid(filename, errorLines(schemaErrors(parsed.error.issues, hint), root, filename));
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

function hint(key: string): string {
  const meant = didYouMean(key.replaceAll('-', ''), Object.keys(settings));
  return meant === null ? 'knat agent --help lists the options' : `did you mean ${meant}?`;
}

function invalid(filename: string, details: readonly string[]): CliError {
  return new CliError('KNAT_CONFIG_INVALID', `the configuration file ${filename} cannot be used`, details);
}
