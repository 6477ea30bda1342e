/** Compares the tables of limits with the code that has them and the tests that reach them. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errorCodes } from '../../src/cli/error-codes.ts';
import { LIMIT_NAMES, type LimitName, limits } from '../../src/limits/table.ts';
import { noticeCodes } from '../../src/model/finding-codes.ts';

const ROOT = new URL('../../', import.meta.url).pathname;

function textsOf(folder: string, wanted: (file: string) => boolean): Map<string, string> {
  const files = readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' }).filter(wanted);
  return new Map(
    files.map((file) => [`${folder}/${file}`, readFileSync(`${ROOT}${folder}/${file}`, 'utf8')]),
  );
}

const isTest = (file: string) => file.endsWith('.test.ts');
const program = textsOf(
  'src',
  (file) => file.endsWith('.ts') && !isTest(file) && !file.startsWith('limits/'),
);
const tests = new Map([...textsOf('src', isTest), ...textsOf('test', isTest)]);
const names = Object.keys(limits) as LimitName[];
const said = [...program.values()].join('\n');

/** `'name'`, or `.name` where that is possible. */
const named = (name: string) => new RegExp(`'${name}'|limits\\.${name}\\b`);

test('every limit is in force: the code reads it', () => {
  expect(names.length).toBeGreaterThan(20);
  const read = (name: string) =>
    new RegExp(
      `limits(?:\\['${name}'\\]|\\.${name})\\.most|new Places\\('${name}'|\\b(?:near|far|perSource): '${name}'`,
    ).test(said);
  // One of something needs no number.
  expect(names.filter((name) => limits[name].most !== 1 && !read(name))).toEqual([]);
});

test('every limit has its metric: the code counts it, or has the finding that it names', () => {
  const counts = (name: string) =>
    new RegExp(`limitReached\\('${name}'|new Places\\('${name}'|\\b(?:near|far|perSource): '${name}'`).test(
      said,
    );
  expect(LIMIT_NAMES.filter((name) => !counts(name))).toEqual([]);
  for (const { told } of Object.values(limits)) {
    if (told.by !== 'code') continue;
    expect(errorCodes.has(told.code) || told.code in noticeCodes, told.code).toBe(true);
  }
});

test('every limit has a test that reaches it', () => {
  const reached = (name: LimitName) => {
    const call = limits[name].told.by === 'code' ? 'bitesObject(' : 'bites(';
    return [...tests.values()].some((text) => text.includes(call) && named(name).test(text));
  };
  expect(names.filter((name) => !reached(name))).toEqual([]);
});

test('names are words for a label, and sentences have their form', () => {
  for (const [name, { of, beyond, told }] of Object.entries(limits)) {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(of, name).toMatch(/^[^|\n]*[^.|\n]$/);
    expect(beyond, name).toMatch(/^[^|\n]*[^.|\n]$/);
    if (told.by === 'finding') expect(told.remedy, name).toMatch(/^[A-Z][^|\n]*\.$/);
  }
});
