import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { printTable } from './table.ts';
import { Terminal } from './terminal.ts';

function print(columns: number | null, rows: readonly (readonly string[])[]): string[] {
  const output = Object.assign(
    new PassThrough({ encoding: 'utf8' }),
    columns === null ? {} : { isTTY: true, columns },
  );
  printTable(new Terminal(output, new PassThrough(), { color: 'never' }), ['A', 'NAME', 'TEXT'], rows);
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
  const wide = print(39, rows);
  expect(Math.max(...wide.map((line) => line.length))).toBe(39);
});

test('where columns would become unreadable, each row is a paragraph with its headings', () => {
  const flows = [['TCP', '10.244.1.5:40000 Pod shop/web-0', '', 'x'.repeat(30)]];
  const output = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true, columns: 44 });
  printTable(new Terminal(output, new PassThrough()), ['PROTO', 'FROM', 'TO', 'NOTE'], flows);
  expect(String(output.read()).split('\n')).toEqual([
    'TCP  from 10.244.1.5:40000 Pod shop/web-0',
    '     note xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
    '',
  ]);
});

test('wide characters take two columns, combining ones none', () => {
  const names = [
    ['1', '日本語', 'x'],
    ['2', 'cafe\u0301', 'y'],
  ];
  expect(print(null, names)).toEqual(['A  NAME    TEXT', '1  日本語  x', '2  cafe\u0301    y']);
  const cut = print(40, [['1', '語'.repeat(40), 'x']]);
  expect(cut[1]).toBe(`1  ${'語'.repeat(15)}…  x`);
});
