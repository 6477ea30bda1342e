import type { Terminal } from './terminal.ts';

/** Characters between two columns. */
const GAP = 2;
/** No column is made narrower than this, in characters. */
const NARROWEST = 8;

/**
 * Prints rows under headings. On a terminal the widest columns give way until a row fits into a line; what is cut ends
 * in `…`. Elsewhere nothing is cut.
 */
export function printTable(
  terminal: Terminal,
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const widths = widthsOf(headings, rows);
  if (terminal.width !== null) shrink(widths, terminal.width);
  terminal.print(terminal.colors.dim(line(headings, widths)));
  for (const row of rows) terminal.print(line(row, widths));
}

/** Rows of a long table by which its widths are chosen, and that are printed together. */
const PAGE = 500;

/**
 * A table of any length: the widths are those of its first rows, what is longer later is cut on a terminal and sticks
 * out elsewhere. Call `flush` behind the last row.
 */
export class LongTable {
  readonly #terminal: Terminal;
  readonly #headings: readonly string[];
  #widths: number[] | null = null;
  #rows: (readonly string[])[] = [];

  constructor(terminal: Terminal, headings: readonly string[]) {
    this.#terminal = terminal;
    this.#headings = headings;
  }

  add(row: readonly string[]): void {
    this.#rows.push(row);
    if (this.#rows.length >= PAGE) this.flush();
  }

  /** Prints what waits. */
  flush(): void {
    const { colors, width } = this.#terminal;
    if (this.#widths === null) {
      this.#widths = widthsOf(this.#headings, this.#rows);
      if (width !== null) shrink(this.#widths, width);
      this.#terminal.print(colors.dim(line(this.#headings, this.#widths, width !== null)));
    }
    const widths = this.#widths;
    const lines = this.#rows.map((row) => line(row, widths, width !== null));
    this.#rows = [];
    if (lines.length > 0) this.#terminal.print(lines.join('\n'));
  }
}

function widthsOf(headings: readonly string[], rows: readonly (readonly string[])[]): number[] {
  return headings.map((heading, column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), heading.length),
  );
}

/** Takes from the widest column until all fit, or none can give more. */
function shrink(widths: number[], width: number): void {
  let excess = widths.reduce((sum, each) => sum + each, GAP * (widths.length - 1)) - width;
  while (excess > 0) {
    const widest = Math.max(...widths);
    if (widest <= NARROWEST) return;
    const next = Math.max(NARROWEST, ...widths.filter((each) => each < widest));
    const column = widths.indexOf(widest);
    const taken = Math.min(excess, Math.max(1, widest - next));
    widths[column] = widest - taken;
    excess -= taken;
  }
}

function line(cells: readonly string[], widths: readonly number[], cut = true): string {
  let text = '';
  let waiting = 0;
  for (let column = 0; column < cells.length; column++) {
    const cell = cells[column] as string;
    const width = widths[column] ?? cell.length;
    const shown = cut && cell.length > width ? `${cell.slice(0, width - 1)}…` : cell;
    if (shown !== '') {
      text += `${' '.repeat(waiting)}${shown}`;
      waiting = 0;
    }
    waiting += Math.max(width - shown.length, 0) + GAP;
  }
  return text.trimEnd();
}
