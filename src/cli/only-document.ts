import type { ManifestRoot } from '../sources/objects/manifest-root.ts';
import { readRoots } from '../sources/objects/manifest-text.ts';
import type { CliError } from './cli-error.ts';

/**
 * The one document of a YAML or JSON file that an option names; undefined when the file is empty. Throws what `invalid`
 * makes of the lines that say what is wrong: a syntax error, a second document.
 */
export function onlyDocument(
  text: string,
  filename: string,
  invalid: (filename: string, details: readonly string[]) => CliError,
): ManifestRoot | undefined {
  const roots = readRoots(text, filename);
  if ('message' in roots) throw invalid(filename, [`${filename}:${roots.line}: ${roots.message}`]);
  const [root, second] = roots;
  if (second !== undefined) {
    throw invalid(filename, [
      `${filename}:${second.lineOf([])}: only one document is read: remove the others`,
    ]);
  }
  return root;
}
