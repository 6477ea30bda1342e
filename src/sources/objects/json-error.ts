export interface JsonError {
  /** Offset of the first wrong character, or the length of the text if it ends too early. */
  readonly offset: number;
  /** The error follows a complete value: another document begins. */
  readonly isTrailing: boolean;
}

const WORDS = ['true', 'false', 'null'] as const;

/** `first` is a value or the end of an empty list, `name` a key or the end of an empty object. */
type Expected = 'value' | 'first' | 'key' | 'name' | 'colon' | 'comma' | 'end';

/**
 * Finds the first error of a text by RFC 8259; null if it is JSON. JSON.parse does not always report the place. Not
 * recursive: nesting is limited by memory only.
 */
export function findJsonError(text: string): JsonError | null {
  const open: ('{' | '[')[] = [];
  let expected: Expected = 'value';
  let at = skipSpace(text, 0);
  for (; at < text.length; at = skipSpace(text, at)) {
    const char = text[at] as string;
    const isClosing = char === (open.at(-1) === '{' ? '}' : ']') && open.length > 0;
    if (isClosing && (expected === 'comma' || expected === 'first' || expected === 'name')) {
      open.pop();
      expected = open.length === 0 ? 'end' : 'comma';
      at++;
    } else if (expected === 'comma' && char === ',') {
      expected = open.at(-1) === '{' ? 'key' : 'value';
      at++;
    } else if (expected === 'colon' && char === ':') {
      expected = 'value';
      at++;
    } else if ((expected === 'key' || expected === 'name') && char === '"') {
      const end = stringError(text, at);
      if (!end.ok) return { offset: end.at, isTrailing: false };
      expected = 'colon';
      at = end.at;
    } else if (expected === 'value' || expected === 'first') {
      if (char === '{' || char === '[') {
        open.push(char);
        expected = char === '{' ? 'name' : 'first';
        at++;
        continue;
      }
      const end = char === '"' ? stringError(text, at) : plainError(text, at);
      if (!end.ok) return { offset: end.at, isTrailing: false };
      expected = open.length === 0 ? 'end' : 'comma';
      at = end.at;
    } else return { offset: at, isTrailing: expected === 'end' };
  }
  return expected === 'end' ? null : { offset: text.length, isTrailing: false };
}

/** `ok`: the offset behind a valid token; otherwise that of the error. */
interface Token {
  readonly ok: boolean;
  readonly at: number;
}

function stringError(text: string, start: number): Token {
  let at = start + 1;
  while (at < text.length) {
    const char = text[at] as string;
    if (char === '"') return { ok: true, at: at + 1 };
    if (char < ' ') return { ok: false, at };
    if (char === '\\') {
      const escaped = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(text.slice(at, at + 6));
      if (escaped === null) return { ok: false, at };
      at += escaped[0].length;
    } else at++;
  }
  return { ok: false, at: text.length };
}

function plainError(text: string, at: number): Token {
  const word = WORDS.find((each) => text.startsWith(each, at));
  if (word !== undefined) return { ok: true, at: at + word.length };
  const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
  number.lastIndex = at;
  return number.test(text) ? { ok: true, at: number.lastIndex } : { ok: false, at };
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text[at] as string)) at++;
  return at;
}
