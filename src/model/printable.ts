/**
 * Characters that do something to a terminal or to a reader instead of being seen: control characters (C0, DEL, C1),
 * formatting (bidirectional controls, zero widths, tags), separators of lines and paragraphs, halves of characters, blanks
 * that Unicode calls letters, and the noncharacters that our terminal marks colours with.
 */
const UNSEEN =
  /\p{Cc}|\p{Cf}|\p{Cs}|\p{Zl}|\p{Zp}|\p{Variation_Selector}|\p{Default_Ignorable_Code_Point}|\p{Noncharacter_Code_Point}/gu;

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/**
 * Text of others as one line that shows all that is in it: what would not be seen stands as `\n`, `\u001b` or `\u{e0001}`.
 * Everything that objects, other programs and servers say goes through it before a person reads it.
 */
export function printable(text: string): string {
  return text.replace(UNSEEN, (character) => SHORT.get(character) ?? escaped(character));
}

/** As `printable`, with the line ends that the text has. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/**
 * A text of JSON whose strings hold the same and that a terminal shows as it is: JSON itself leaves C1 and formatting
 * characters as they are. Line ends are those between values, since within strings JSON escapes them.
 */
export function printableJson(text: string): string {
  return text.replace(UNSEEN, (character) =>
    character === '\n'
      ? character
      : [...Array(character.length).keys()].map((at) => unit(character, at)).join(''),
  );
}

/** Whether a person would not see all of it. */
export function hasUnseen(text: string): boolean {
  return text.search(UNSEEN) >= 0;
}

function escaped(character: string): string {
  return character.length === 1 ? unit(character, 0) : `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

function unit(character: string, at: number): string {
  return `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
}
