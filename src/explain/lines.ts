import type { Line, Span } from '../forms/walk.ts';

/** The width that lines are wrapped to, in characters. */
export const WIDTH = 80;

/** Wraps the text to the right of the label between words at 80 characters; a longer word has its own line, uncut. */
export function labelled(label: string, column: number, text: string, tone: Span['tone'] = 'plain'): Line[] {
  return wrap(text, WIDTH - column).map((part, index) => [
    { text: (index === 0 ? label : '').padEnd(column), tone: 'dim' },
    { text: part, tone },
  ]);
}

export function plainText(line: Line): string {
  const texts = line.map(({ text }) => text);
  return texts.join('').trimEnd();
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}
