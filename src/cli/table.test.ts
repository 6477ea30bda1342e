import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { printTable } from './table.ts';
import { Terminal } from './terminal.ts';

function print(columns: number | null, rows: readonly (readonly string[])[]): string[] {
  const output = Object.assign(
    new PassThrough({ encoding: 'utf8' }),
    columns === null ? {} : { isTTY: true, columns },
  );
  printTable(new Terminal(output, new PassThrough(), true), ['A', 'NAME', 'TEXT'], rows);
  return String(output.read()).trimEnd().split('\n');
}

const rows = [
  ['1', 'Service shop/web', 'x'.repeat(100)],
  ['2', 'Pod', 'short'],
];

test('columns are aligned, and nothing is cut where no terminal is', () => {
  expect(print(null, rows)).toEqual([
    'A  NAME              TEXT',
    `1  Service shop/web  ${'x'.repeat(100)}`,
    '2  Pod               short',
  ]);
});

test('on a terminal the widest column gives way, then the next', () => {
  expect(print(40, rows)).toEqual([
    'A  NAME              TEXT',
    `1  Service shop/web  ${'x'.repeat(18)}…`,
    '2  Pod               short',
  ]);
  expect(print(25, rows).map((line) => line.length)).toEqual(expect.arrayContaining([25]));
  for (const line of print(25, rows)) expect(line.length).toBeLessThanOrEqual(25);
});

test('no column becomes unreadable, however narrow the terminal', () => {
  expect(print(3, rows)[1]).toBe(`1  Service…  ${'x'.repeat(7)}…`);
});
