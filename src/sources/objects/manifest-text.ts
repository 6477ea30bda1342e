import { readJsonText } from './manifest-json.ts';
import type { ManifestRoot, ManifestSyntaxError } from './manifest-root.ts';
import { readYamlText, type YamlDialect } from './manifest-yaml.ts';

/** Longer texts (characters) that are nearly JSON are not tried as YAML too: that would take seconds. */
const YAML_RETRY_LIMIT = 1_000_000;

/** The first syntax error anywhere rejects the whole text. */
export function readRoots(
  text: string,
  filename: string,
  dialect?: YamlDialect,
): readonly ManifestRoot[] | ManifestSyntaxError {
  if (!/^\s*[{[]/.test(text)) return readYamlText(text, dialect);
  const json = readJsonText(text);
  const isFinal = !('message' in json) || filename.endsWith('.json') || text.length > YAML_RETRY_LIMIT;
  return isFinal ? json : readYamlText(text, dialect);
}
