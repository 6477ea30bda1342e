import { type Document, isNode, isSeq, LineCounter, type ParsedNode, parseAllDocuments } from 'yaml';
import type { ManifestRoot, ManifestSyntaxError } from './manifest-root.ts';

/** Reads all YAML documents of a text; the first error anywhere is the answer for the whole text. */
export function readYamlText(text: string): readonly ManifestRoot[] | ManifestSyntaxError {
  const lines = new LineCounter();
  const lineAt = (offset: number) => Math.max(1, lines.linePos(offset).line);
  try {
    const parsed = parseAllDocuments(text, {
      lineCounter: lines,
      merge: true,
      prettyErrors: false,
      logLevel: 'error',
    });
    if (!Array.isArray(parsed)) return [];
    const roots: ManifestRoot[] = [];
    for (const document of parsed as Document.Parsed[]) {
      const error = document.errors[0];
      if (error !== undefined) {
        return { line: lineAt(error.pos[0]), message: `no valid YAML: ${error.message}` };
      }
      const root = rootOf(document, lineAt);
      if ('message' in root) return root;
      roots.push(root);
    }
    return roots;
  } catch (error) {
    // The reader itself gave up, on nesting that is too deep, say.
    return { line: 1, message: `no valid YAML: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function rootOf(
  document: Document.Parsed,
  lineAt: (offset: number) => number,
): ManifestRoot | ManifestSyntaxError {
  const lineOf = (steps: readonly (string | number)[]) => lineAt(offsetOf(document, steps));
  const itemLines = (steps: readonly (string | number)[]) => {
    const list: unknown = document.getIn(steps, true);
    if (!isSeq(list)) return [];
    return list.items.map((_, index) => lineOf([...steps, index]));
  };
  try {
    // Through JSON: strings that were cut out of the text would keep the whole text in memory.
    const value: unknown = JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: 100 }) ?? null));
    return { value, lineOf, itemLines };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { line: lineOf([]), message: `no valid YAML: ${message}` };
  }
}

/** Offset of the value at these steps, or of the deepest one on the way. */
function offsetOf(document: Document.Parsed, steps: readonly (string | number)[]): number {
  for (let length = steps.length; length > 0; length--) {
    const node: unknown = document.getIn(steps.slice(0, length), true);
    if (isNode(node)) return (node as ParsedNode).range[0];
  }
  return document.contents?.range?.[0] ?? document.range[0];
}
