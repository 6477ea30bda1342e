import { readJsonText } from './manifest-json.ts';
import type { ManifestRoot, ManifestSyntaxError } from './manifest-root.ts';
import { readYamlText, type YamlDialect } from './manifest-yaml.ts';

/** Above this many characters a text that is nearly JSON is not tried as YAML too: that would take seconds. */
const YAML_RETRY_LIMIT = 1_000_000;

/** The YAML documents or the JSON value of a text; the first syntax error anywhere is the answer for all of it. */
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
