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
  const widths = headings.map((heading, column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), heading.length),
  );
  if (terminal.width !== null) shrink(widths, terminal.width);
  terminal.print(terminal.colors.dim(line(headings, widths)));
  for (const row of rows) terminal.print(line(row, widths));
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

function line(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => {
      const width = widths[column] ?? cell.length;
      const shown = cell.length > width ? `${cell.slice(0, width - 1)}…` : cell;
      return column === cells.length - 1 ? shown : shown.padEnd(width + GAP);
    })
    .join('')
    .trimEnd();
}
