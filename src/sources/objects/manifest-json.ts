import { findJsonError } from './json-error.ts';
import { elements, type JsonSpan, members, valueSpan } from './json-scan.ts';
import type { ManifestRoot, ManifestSyntaxError } from './manifest-root.ts';

/**
 * One document, or several in sequence with or without `---` lines between them. Line numbers are computed only when
 * needed.
 */
export function readJsonText(text: string): readonly ManifestRoot[] | ManifestSyntaxError {
  try {
    return [rootOf(text, JSON.parse(text), 0)];
  } catch {
    const error = findJsonError(text);
    return error === null || error.isTrailing ? readDocuments(text) : syntaxError(text, error.offset);
  }
}

function readDocuments(text: string): readonly ManifestRoot[] | ManifestSyntaxError {
  const spans = [...documentSpans(text)];
  const lines = linesOf(text, spans);
  const roots: ManifestRoot[] = [];
  for (const [index, { start, end }] of spans.entries()) {
    const document = text.slice(start, end);
    try {
      roots.push(rootOf(document, JSON.parse(document), (lines[index] ?? 1) - 1));
    } catch {
      return syntaxError(text, start + (findJsonError(document)?.offset ?? 0));
    }
  }
  return roots;
}

function* documentSpans(text: string): Generator<JsonSpan> {
  const separator = /(?:\s|---[ \t]*(?=[\r\n]|$))*/y;
  for (let at = 0; ; ) {
    separator.lastIndex = at;
    separator.test(text);
    if (separator.lastIndex >= text.length) return;
    const span = valueSpan(text, separator.lastIndex);
    yield span;
    if (span.end === span.start) return;
    at = span.end;
  }
}

/** @param linesBefore lines of the file before the document */
function rootOf(text: string, value: unknown, linesBefore: number): ManifestRoot {
  return {
    value,
    lineOf: (steps) => linesBefore + lineAt(text, locate(text, steps).start),
    itemLines: (steps) => {
      const lines = linesOf(text, elements(text, locate(text, steps)));
      return linesBefore === 0 ? lines : lines.map((line) => line + linesBefore);
    },
  };
}

function syntaxError(text: string, offset: number): ManifestSyntaxError {
  const char = text[offset];
  const found = char === undefined ? 'the text ends too early' : `unexpected ${JSON.stringify(char)}`;
  return { line: lineAt(text, offset), message: `no valid JSON: ${found}` };
}

/** The value at these steps, or its deepest existing parent. */
function locate(text: string, steps: readonly (string | number)[]): JsonSpan {
  let span: JsonSpan = valueSpan(text, 0);
  for (const step of steps) {
    const inner = child(text, span, step);
    if (inner === null) break;
    span = inner;
  }
  return span;
}

function child(text: string, span: JsonSpan, step: string | number): JsonSpan | null {
  let found: JsonSpan | null = null;
  if (text[span.start] === '{') {
    for (const member of members(text, span)) if (member.key === String(step)) found = member;
  } else if (text[span.start] === '[') {
    let index = 0;
    for (const element of elements(text, span)) if (index++ === step) return element;
  }
  return found;
}

/** 1-based; the spans are in the order of the text. */
function linesOf(text: string, spans: Iterable<JsonSpan>): readonly number[] {
  const lines: number[] = [];
  let line = 1;
  let newline = text.indexOf('\n');
  for (const { start } of spans) {
    for (; newline >= 0 && newline < start; newline = text.indexOf('\n', newline + 1)) line++;
    lines.push(line);
  }
  return lines;
}

function lineAt(text: string, offset: number): number {
  return linesOf(text, [{ start: offset, end: offset }])[0] ?? 1;
}
