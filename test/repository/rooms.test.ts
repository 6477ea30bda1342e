/** Compares the tables of ARCHITECTURE.md, from which the import rules are made, with the existing files. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { expressionOf, readRooms } from '../../scripts/rooms.cjs';

const ROOT = new URL('../../', import.meta.url).pathname;
const TEST = expressionOf('src/**/*.test.ts');

const rooms = readRooms();
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((file) => /\.(?:[cm]?[jt]s|tsx)$/.test(file));

function roomsOf(file: string): string[] {
  if (file.match(TEST)) return ['src/**/*.test.ts'];
  return rooms.filter((room) => file.match(room.files)).map(({ path }) => path);
}

test('every file of code belongs to exactly one row, and every row has files', () => {
  const rowsOf = new Map(files.map((file) => [file, roomsOf(file)]));
  expect(rowsOf.size).toBeGreaterThan(900);
  expect(Object.fromEntries([...rowsOf].filter(([, rows]) => rows.length !== 1))).toEqual({});
  const used = new Set([...rowsOf.values()].flat());
  expect(rooms.map(({ path }) => path).filter((path) => !used.has(path))).toEqual([]);
  expect(roomsOf(['src', 'elsewhere', 'new.ts'].join('/'))).toEqual([]);
});

test('every row allows only what is used', () => {
  const imports = new Map<string, string[]>();
  for (const file of files) {
    const row = roomsOf(file)[0] ?? '';
    imports.set(row, [...(imports.get(row) ?? []), ...importsOf(file)]);
  }
  const unused = rooms.flatMap(({ path, may, libraries }) => {
    const targets = imports.get(path) ?? [];
    const isUsed = (name: string) =>
      targets.some((target) =>
        name === 'Node.js' ? target.startsWith('node:') : target === name || target.startsWith(`${name}/`),
      );
    return [
      ...may.filter((other) => !targets.some((target) => target.match(expressionOf(other)))),
      ...(libraries ?? []).filter((library) => !isUsed(library)),
    ].map((name) => `${path}: ${name}`);
  });
  expect(unused).toEqual([]);
});

/** Our files that a file imports, as paths from the root, and the names of other imports. */
function importsOf(file: string): string[] {
  return ts
    .preProcessFile(readFileSync(`${ROOT}${file}`, 'utf8'), true, true)
    .importedFiles.map(({ fileName }) =>
      fileName.startsWith('.') ? join(dirname(file), fileName) : fileName,
    );
}

test('the lint rules about clock and environment hold in every pure room', () => {
  const { overrides } = JSON.parse(readFileSync(`${ROOT}biome.json`, 'utf8')) as {
    overrides: { includes: string[]; linter?: { rules?: { style?: object } } }[];
  };
  const strict = overrides.filter(
    ({ linter }) => linter?.rules?.style !== undefined && 'noRestrictedGlobals' in linter.rules.style,
  );
  expect(strict.map(({ includes }) => includes)).toEqual([
    [...rooms.filter(({ isPure }) => isPure).map(({ path }) => `${path}/**`), '!**/*.test.ts'],
  ]);
});
