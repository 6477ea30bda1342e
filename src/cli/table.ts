import { printable } from '../model/printable.ts';
import type { Terminal } from './terminal.ts';
import { cutTo, padded, textWidth } from './text-width.ts';

/** Characters between columns. */
const GAP = 2;
/** Minimum width of a column in characters: less of an address or name is useless. */
const NARROWEST = 16;

/**
 * On a terminal the widest columns shrink until a row fits; cut texts end in `…`. If columns would become too narrow,
 * each row becomes a paragraph with headings before the cells. Elsewhere texts are not cut.
 */
export function printTable(
  terminal: Terminal,
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const table = new LongTable(terminal, headings, Number.POSITIVE_INFINITY);
  for (const row of rows) table.add(row);
  table.flush();
}

/** Number of rows that determine a long table's widths, and that are printed together. */
const PAGE = 500;

/** A table of any length: the first rows determine its widths. Call `flush` after the last row. */
export class LongTable {
  readonly #terminal: Terminal;
  readonly #headings: readonly string[];
  readonly #page: number;
  #widths: number[] | null = null;
  #isNarrow = false;
  #rows: (readonly string[])[] = [];

  constructor(terminal: Terminal, headings: readonly string[], page = PAGE) {
    this.#terminal = terminal;
    this.#headings = headings;
    this.#page = page;
  }

  add(row: readonly string[]): void {
    this.#rows.push(row.map(printable)); // before widths are taken
    if (this.#rows.length >= this.#page) this.flush();
  }

  /** Prints the buffered rows. */
  flush(): void {
    const { width } = this.#terminal;
    const widths = this.#widths ?? this.#begin(width);
    const lines = this.#rows.map((row) =>
      this.#isNarrow && width !== null
        ? paragraph(row, this.#headings, width)
        : line(row, widths, width !== null),
    );
    this.#rows = [];
    if (lines.length > 0) this.#terminal.printBlock(lines.join('\n'));
  }

  #begin(width: number | null): number[] {
    const widths = widthsOf(this.#headings, this.#rows);
    this.#widths = widths;
    this.#isNarrow = width !== null && !shrink(widths, width);
    if (!this.#isNarrow) {
      this.#terminal.print(this.#terminal.colors.dim(line(this.#headings, widths, width !== null)));
    }
    return widths;
  }
}

/** The first cell without indentation, then the non-empty others, each after its heading. */
function paragraph(cells: readonly string[], headings: readonly string[], width: number): string {
  const [first = '', ...others] = cells;
  const margin = Math.min(textWidth(first), NARROWEST) + GAP;
  const lines: string[] = [];
  let text = padded(first, margin);
  const add = (word: string, gap: number) => {
    const isFresh = textWidth(text) <= margin;
    if (!isFresh && textWidth(text) + gap + textWidth(word) > width) {
      lines.push(text.trimEnd());
      text = ' '.repeat(margin) + word;
    } else text += isFresh ? word : ' '.repeat(gap) + word;
  };
  for (const [index, cell] of others.entries()) {
    if (cell === '') continue;
    const item = `${(headings[index + 1] ?? '').toLowerCase()} ${cell}`;
    if (margin + textWidth(item) <= width) add(item, GAP);
    else for (const [place, word] of item.split(' ').entries()) add(word, place === 0 ? GAP : 1);
  }
  lines.push(text.trimEnd());
  return lines.join('\n');
}

function widthsOf(headings: readonly string[], rows: readonly (readonly string[])[]): number[] {
  return headings.map((heading, column) =>
    rows.reduce((widest, row) => Math.max(widest, textWidth(row[column] ?? '')), textWidth(heading)),
  );
}

/** Narrows the widest column until all fit; false if none can shrink further. */
function shrink(widths: number[], width: number): boolean {
  let excess = widths.reduce((sum, each) => sum + each, GAP * (widths.length - 1)) - width;
  while (excess > 0) {
    const widest = Math.max(...widths);
    if (widest <= NARROWEST) return false;
    const next = Math.max(NARROWEST, ...widths.filter((each) => each < widest));
    const column = widths.indexOf(widest);
    const taken = Math.min(excess, Math.max(1, widest - next));
    widths[column] = widest - taken;
    excess -= taken;
  }
  return true;
}

function line(cells: readonly string[], widths: readonly number[], cut = true): string {
  let text = '';
  let waiting = 0;
  for (let column = 0; column < cells.length; column++) {
    const cell = cells[column] as string;
    const width = widths[column] ?? textWidth(cell);
    const shown = cut ? cutTo(cell, width) : cell;
    if (shown !== '') {
      text += `${' '.repeat(waiting)}${shown}`;
      waiting = 0;
    }
    waiting += Math.max(width - textWidth(shown), 0) + GAP;
  }
  return text.trimEnd();
}
