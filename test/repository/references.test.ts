import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url).pathname;

/** Files in git whose text or comments refer to documents or code. */
const files = execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
const speakers = files.filter((file) => /\.(md|tsx?|yaml|cjs)$/.test(file) && file !== 'CHANGELOG.md');

/** A path from the root of the repository to a document, to code or to an example. */
const REFERENCE =
  /(?<![\w./@-])(?:docs|src|test|scripts|examples|charts|bench|deploy|ui)\/[\w./*-]*\.(?:md|ts|tsx|json|yaml|js)\b/g;

test('every path to a document, to code or to an example resolves', () => {
  let looked = 0;
  const dangling = speakers.flatMap((file) => {
    const text = readFileSync(`${ROOT}${file}`, 'utf8');
    const paths = [...text.matchAll(REFERENCE)].map(([path]) => path);
    looked += paths.length;
    return paths
      .filter((path) => !(path.includes('*') ? isSomewhere(path) : existsSync(`${ROOT}${path}`)))
      .map((path) => `${file}: ${path}`);
  });
  expect(looked).toBeGreaterThan(100);
  expect(dangling).toEqual([]);
});

test('a file that a page names without its folder exists', () => {
  const pages = files.filter(
    (file) => /^(?:[A-Z]+\.md|docs\/design\/.*\.md)$/.test(file) && file !== 'CHANGELOG.md',
  );
  const absent = pages.flatMap((page) =>
    [...readFileSync(`${ROOT}${page}`, 'utf8').matchAll(/`([a-z][a-z0-9-]*\.(?:test\.)?tsx?)`/g)]
      .map(([, name = '']) => name)
      .filter((name) => !files.some((file) => file.endsWith(`/${name}`)))
      .map((name) => `${page}: ${name}`),
  );
  expect(absent).toEqual([]);
});

test('each decision has a unique number, in its name and in its title', () => {
  const names = readdirSync(`${ROOT}docs/adr`).sort();
  const numbers = names.map((name) => name.slice(0, 4));
  expect(numbers).toEqual(names.map((_, index) => String(index + 1).padStart(4, '0')));
  for (const name of names) {
    expect(readFileSync(`${ROOT}docs/adr/${name}`, 'utf8'), name).toMatch(
      new RegExp(`^# ${name.slice(0, 4)}: \\S`),
    );
  }
});

/** `*` matches a part of a name, `**` any folders. */
function isSomewhere(pattern: string): boolean {
  const words = { '.': '\\.', '*': '[^/]*', '**/': '(?:.*/)?' };
  const expression = new RegExp(
    `^${pattern.replace(/\*\*\/|[.*]/g, (sign) => words[sign as keyof typeof words])}$`,
  );
  return files.some((file) => expression.test(file));
}
