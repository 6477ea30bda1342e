import { type Document, isNode, isSeq, LineCounter, type ParsedNode, parseAllDocuments } from 'yaml';
import { limits } from '../../limits/table.ts';
import type { ManifestRoot, ManifestSyntaxError } from './manifest-root.ts';

/**
 * In characters. Reading a YAML document takes about a hundred times its size in memory, and seconds for each megabyte.
 */
const DOCUMENT_LIMIT = limits['yaml-document'].most;

/**
 * How plain words and repeated keys are read. `strict`: YAML 1.2, a repeated key is an error. `go`: as goyaml v2 in
 * ip-masq-agent and kube-proxy: YAML 1.1 (`yes` and `off` are booleans), the last of a repeated key counts.
 */
export type YamlDialect = 'strict' | 'go';

const dialects = {
  strict: {},
  go: { version: '1.1', uniqueKeys: false },
} as const satisfies Record<YamlDialect, object>;

type Steps = readonly (string | number)[];

/**
 * The first error anywhere rejects the whole text.
 * Reads document by document and keeps only values; to find the line of a field, which only problems need, the document
 * is read again.
 */
export function readYamlText(
  text: string,
  dialect: YamlDialect = 'strict',
): readonly ManifestRoot[] | ManifestSyntaxError {
  const roots: ManifestRoot[] = [];
  for (const part of splitDocuments(text, dialect)) {
    const read = readPart(part);
    if ('message' in read) return read;
    roots.push(...read);
  }
  return roots;
}

/** Some documents of a file, and the lines of the file before them. */
interface Part {
  readonly text: string;
  readonly linesBefore: number;
  readonly dialect: YamlDialect;
}

/** Splits before each `---` line, which cannot be part of a value; a text with directives (`%YAML`) stays whole. */
function* splitDocuments(text: string, dialect: YamlDialect): Generator<Part> {
  if (/^%/m.test(text)) {
    yield { text, linesBefore: 0, dialect };
    return;
  }
  const starts = [...text.matchAll(/^---(?=\s|$)/gm)].map(({ index }) => index);
  let linesBefore = 0;
  for (const [number, start] of [0, ...starts].entries()) {
    const part = text.slice(start, starts[number] ?? text.length);
    yield { text: part, linesBefore, dialect };
    linesBefore += part.split('\n').length - 1;
  }
}

function readPart(part: Part): readonly ManifestRoot[] | ManifestSyntaxError {
  const firstLine = part.linesBefore + 1;
  if (part.text.length > DOCUMENT_LIMIT) {
    const message = `a YAML document above ${DOCUMENT_LIMIT / 1024 / 1024} MiB: split it, or write it as JSON`;
    return { line: firstLine, message };
  }
  try {
    const { documents, lineAt } = parsePart(part);
    const roots: ManifestRoot[] = [];
    for (const [index, document] of documents.entries()) {
      const error = document.errors[0];
      if (error !== undefined) {
        return { line: lineAt(error.pos[0]), message: `no valid YAML: ${error.message}` };
      }
      roots.push(rootOf(part, index, document, lineAt));
    }
    return roots;
  } catch (error) {
    // Too many aliases, or an error inside the reader.
    const message = error instanceof Error ? error.message : String(error);
    return { line: firstLine, message: `no valid YAML: ${message}` };
  }
}

function parsePart({ text, linesBefore, dialect }: Part) {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    merge: true,
    ...dialects[dialect],
    prettyErrors: false,
    logLevel: 'error',
  });
  const documents: readonly Document.Parsed[] = Array.isArray(parsed) ? parsed : [];
  return { documents, lineAt: (offset: number) => linesBefore + Math.max(1, lines.linePos(offset).line) };
}

function rootOf(
  part: Part,
  index: number,
  document: Document.Parsed,
  lineAt: (offset: number) => number,
): ManifestRoot {
  // Through JSON: substrings would keep the whole text in memory.
  const value: unknown = JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: 100 }) ?? null));
  const first = lineAt(offsetOf(document, []));
  const items = linesOfItems(document, ['items'], lineAt);
  let again: ReturnType<typeof parsePart> | null = null;
  const locate = <Value>(find: (document: Document.Parsed, lineAt: (offset: number) => number) => Value) => {
    again ??= parsePart(part);
    const same = again.documents[index];
    return same === undefined ? null : find(same, again.lineAt);
  };
  return {
    value,
    lineOf: (steps) => {
      if (steps.length === 0) return first;
      return locate((same, lineOf) => lineOf(offsetOf(same, steps))) ?? first;
    },
    itemLines: (steps) => {
      if (steps.length === 1 && steps[0] === 'items') return items;
      return locate((same, lineOf) => linesOfItems(same, steps, lineOf)) ?? [];
    },
  };
}

function linesOfItems(document: Document.Parsed, steps: Steps, lineAt: (offset: number) => number): number[] {
  const list: unknown = document.getIn(steps, true);
  if (!isSeq(list)) return [];
  return list.items.map((item) => lineAt(isNode(item) ? ((item as ParsedNode).range?.[0] ?? 0) : 0));
}

/** Offset of the value at these steps, or of its deepest existing parent. */
function offsetOf(document: Document.Parsed, steps: Steps): number {
  for (let length = steps.length; length > 0; length--) {
    const node: unknown = document.getIn(steps.slice(0, length), true);
    if (isNode(node)) return (node as ParsedNode).range[0];
  }
  return document.contents?.range?.[0] ?? document.range[0];
}
