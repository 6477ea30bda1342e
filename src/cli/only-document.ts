import type { ManifestRoot } from '../sources/objects/manifest-root.ts';
import { readRoots } from '../sources/objects/manifest-text.ts';
import type { YamlDialect } from '../sources/objects/manifest-yaml.ts';
import type { CliError } from './cli-error.ts';

/**
 * The only document of an option's YAML or JSON file; undefined when the file is empty. Documents without a value, such
 * as after a final `---`, do not count. On a syntax error or a second document it throws the result of `invalid`.
 */
export function onlyDocument(
  text: string,
  filename: string,
  invalid: (filename: string, details: readonly string[]) => CliError,
  dialect?: YamlDialect,
): ManifestRoot | undefined {
  const roots = readRoots(text, filename, dialect);
  if ('message' in roots) throw invalid(filename, [`${filename}:${roots.line}: ${roots.message}`]);
  const [root, second] = roots.filter(({ value }) => value !== null);
  if (second !== undefined) {
    throw invalid(filename, [
      `${filename}:${second.lineOf([])}: only one document is read: remove the others`,
    ]);
  }
  return root;
}
