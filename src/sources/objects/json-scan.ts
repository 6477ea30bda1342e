/**
 * Walks the text of valid JSON without building values, to find what JSON.parse does not report: the place of a value
 * (for line numbers), the notation of a number, and duplicate keys.
 * JSON.parse must have accepted the text; on other texts the results are meaningless, but every function ends.
 */

const QUOTE = 0x22;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** `end` is exclusive. */
export interface JsonSpan {
  readonly start: number;
  readonly end: number;
}

export interface JsonMember extends JsonSpan {
  readonly key: string;
}

/** The place of the value that begins at or after `from`, white space skipped. */
export function valueSpan(text: string, from: number): JsonSpan {
  const start = skipSpace(text, from);
  const first = text[start];
  if (first === '"') return { start, end: stringEnd(text, start) };
  if (first === '{' || first === '[') return { start, end: nestedEnd(text, start) };
  let end = start;
  while (end < text.length && !/[\s,\]}]/.test(text[end] as string)) end++;
  return { start, end };
}

/** In order, including duplicates. */
export function* members(text: string, span: JsonSpan): Generator<JsonMember> {
  for (const keySpan of elements(text, span)) {
    const key = JSON.parse(text.slice(keySpan.start, keySpan.end)) as string;
    const colon = skipSpace(text, keySpan.end);
    const value = valueSpan(text, colon + 1);
    yield { key, start: value.start, end: value.end };
  }
}

/** Nesting of lists and objects; 0 for a plain value. */
export function nestingDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at) - 1;
    else if (code === OPEN_OBJECT || code === OPEN_LIST) deepest = Math.max(deepest, ++depth);
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) depth--;
  }
  return deepest;
}

/** Items of a list in order; for an object the keys of its members. */
export function* elements(text: string, span: JsonSpan): Generator<JsonSpan> {
  const isObject = text[span.start] === '{';
  let at = skipSpace(text, span.start + 1);
  while (at < span.end - 1) {
    const part = valueSpan(text, at);
    yield part;
    const last = isObject ? valueSpan(text, skipSpace(text, part.end) + 1) : part;
    const comma = skipSpace(text, last.end);
    if (text[comma] !== ',') return;
    at = skipSpace(text, comma + 1);
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) <= 32) at++;
  return at;
}

/** The offset after the closing quote. */
function stringEnd(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (quote >= 0) {
    let slashes = 0;
    while (text.charCodeAt(quote - 1 - slashes) === 92) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    quote = text.indexOf('"', quote + 1);
  }
  return text.length;
}

/** The offset after the closing bracket. */
function nestedEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at) - 1;
    else if (code === OPEN_OBJECT || code === OPEN_LIST) depth++;
    else if ((code === CLOSE_OBJECT || code === CLOSE_LIST) && --depth === 0) return at + 1;
  }
  return text.length;
}
