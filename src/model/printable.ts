/**
 * Invisible characters that may change what a reader sees: control characters (C0, DEL, C1), formatting (bidirectional
 * controls, zero widths, tags), separators of lines and paragraphs, surrogate halves, blanks that Unicode classifies as
 * letters, and the noncharacters that mark colours in our terminal output.
 */
const UNSEEN =
  /\p{Cc}|\p{Cf}|\p{Cs}|\p{Zl}|\p{Zp}|\p{Variation_Selector}|\p{Default_Ignorable_Code_Point}|\p{Noncharacter_Code_Point}/gu;

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/**
 * Foreign text as one line: invisible characters become `\n`, `\u001b` or `\u{e0001}`. All foreign texts pass through
 * it before they are shown.
 */
export function printable(text: string): string {
  return text.replace(UNSEEN, (character) => SHORT.get(character) ?? escaped(character));
}

/** As `printable`, but keeps line ends. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/**
 * Escapes invisible characters in a JSON text, since JSON.stringify does not escape C1 and formatting characters. Line
 * ends are kept: they are between values, since JSON escapes them in strings.
 */
export function printableJson(text: string): string {
  return text.replace(UNSEEN, (character) =>
    character === '\n'
      ? character
      : [...Array(character.length).keys()].map((at) => unit(character, at)).join(''),
  );
}

export function hasUnseen(text: string): boolean {
  return text.search(UNSEEN) >= 0;
}

function escaped(character: string): string {
  return character.length === 1 ? unit(character, 0) : `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

function unit(character: string, at: number): string {
  return `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
}
