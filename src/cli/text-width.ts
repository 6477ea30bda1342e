import { createRequire } from 'node:module';
import type stringWidth from 'string-width';

/** What measures foreign text; its first use takes as long as a third of the start of Node.js. */
let measure: { readonly width: typeof stringWidth; readonly segmenter: Intl.Segmenter } | null = null;

function measured() {
  measure ??= {
    width: (createRequire(import.meta.url)('string-width') as { default: typeof stringWidth }).default,
    segmenter: new Intl.Segmenter(),
  };
  return measure;
}

/** Columns that a text without control characters takes on a terminal: two for wide characters, none for combining ones. */
export function textWidth(text: string): number {
  return isOfOneColumn(text) ? text.length : measured().width(text);
}

/** The text, filled with spaces up to this many columns. */
export function padded(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(columns - textWidth(text), 0));
}

/** The text in at most this many columns; a text that is cut ends in `…`. */
export function cutTo(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (isOfOneColumn(text)) return `${text.slice(0, columns - 1)}…`;
  let kept = '';
  let left = columns - 1;
  // The characters as a reader sees them, each with its combining marks.
  for (const { segment } of measured().segmenter.segment(text)) {
    left -= textWidth(segment);
    if (left < 0) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** ASCII, and what knat itself writes beside it: most texts are measured without a library. */
function isOfOneColumn(text: string): boolean {
  return /^[ -~→…·–“”’]*$/.test(text);
}
