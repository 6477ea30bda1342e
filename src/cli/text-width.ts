import stringWidth from 'string-width';

const segmenter = new Intl.Segmenter();

/** Columns that a text without control characters takes on a terminal: two for wide characters, none for combining ones. */
export function textWidth(text: string): number {
  return isAscii(text) ? text.length : stringWidth(text);
}

/** The text, filled with spaces up to this many columns. */
export function padded(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(columns - textWidth(text), 0));
}

/** The text in at most this many columns; a text that is cut ends in `…`. */
export function cutTo(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (isAscii(text)) return `${text.slice(0, columns - 1)}…`;
  let kept = '';
  let left = columns - 1;
  for (const { segment } of segmenter.segment(text)) {
    left -= stringWidth(segment);
    if (left < 0) break;
    kept += segment;
  }
  return `${kept}…`;
}

function isAscii(text: string): boolean {
  return /^[ -~]*$/.test(text);
}
