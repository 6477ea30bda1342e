import { elements, type JsonSpan, members, valueSpan } from './json-scan.ts';
import type { ManifestRoot, ManifestSyntaxError } from './manifest-root.ts';

/** Reads one JSON document with JSON.parse. Lines are looked for only when they are asked for. */
export function readJsonText(text: string): ManifestRoot | ManifestSyntaxError {
  try {
    const value: unknown = JSON.parse(text);
    return {
      value,
      lineOf: (steps) => lineAt(text, locate(text, steps).start),
      itemLines: (steps) => linesOf(text, elements(text, locate(text, steps))),
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { line: lineAt(text, errorOffset(text, message)), message: `no valid JSON: ${message}` };
  }
}

/** The value at these steps, or the deepest one on the way. */
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

/** V8 names a position, or quotes the text around it, or means the end of the text. */
function errorOffset(text: string, message: string): number {
  const position = /at position (\d+)/.exec(message);
  if (position !== null) return Number(position[1]);
  return message.includes('Unexpected end') || message.includes('Unterminated') ? text.length : 0;
}

/** The 1-based lines of spans that are in the order of the text. */
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
