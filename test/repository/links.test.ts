import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url).pathname;
const list = ['ls-files', '--cached', '--others', '--exclude-standard'];
const files = execFileSync('git', list, { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
const pages = files.filter((file) => file.endsWith('.md') && existsSync(`${ROOT}${file}`));
const speakers = files.filter(
  (file) => /\.(md|tsx?|yaml|cjs)$/.test(file) && file !== 'CHANGELOG.md' && existsSync(`${ROOT}${file}`),
);

const read = (file: string) => readFileSync(`${ROOT}${file}`, 'utf8');
const exists = (path: string) => existsSync(`${ROOT}${path}`);

/** Titles of a page, without the signs of code. */
function titlesOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => title.replaceAll('`', ''));
}

/** The anchor of a title, by GitHub's rule. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

interface Link {
  readonly from: string;
  /** From the root of the repository. */
  readonly path: string;
  readonly anchor: string;
}

/** Links of a page to files of the repository. */
function linksOf(page: string): Link[] {
  const targets = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = '', anchor = ''] = target.split('#');
      return { from: page, path: path === '' ? page : normalize(join(dirname(page), path)), anchor };
    });
}

test('every link of a page leads somewhere, and so does its anchor', () => {
  const links = pages.flatMap(linksOf);
  expect(links.length).toBeGreaterThan(30);
  const broken = links.filter(
    ({ path, anchor }) => !exists(path) || (anchor !== '' && !titlesOf(path).map(anchorOf).includes(anchor)),
  );
  expect(broken).toEqual([]);
});

test('a section that is named after its page is there', () => {
  let looked = 0;
  const absent = speakers.flatMap((file) => {
    const text = read(file).replace(/\n\s*(?:\*|\/\/|#)?\s*/g, ' ');
    return [...text.matchAll(/((?:[\w-]+\/)*[\w-]+\.md)`?(?:,| \()? ?"([^"]{2,60})"/g)]
      .map(([, path = '', section = '']) => {
        looked++;
        const beside = normalize(join(dirname(file), path));
        return { file, page: exists(beside) ? beside : path, section };
      })
      .filter(
        ({ page, section }) => !exists(page) || !titlesOf(page).some((title) => title.startsWith(section)),
      );
  });
  expect(looked).toBeGreaterThan(40);
  expect(absent).toEqual([]);
});

test('docs/README.md leads to every page of docs/, with a line that says when to read it', () => {
  const targets = linksOf('docs/README.md').map(({ path }) => path);
  const isReached = (page: string) =>
    targets.some((target) =>
      statSync(`${ROOT}${target}`).isDirectory() ? page.startsWith(target) : page === target,
    );
  const documents = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
  expect(documents.length).toBeGreaterThan(20);
  expect(documents.filter((page) => !isReached(page))).toEqual([]);
  for (const line of read('docs/README.md').split('\n')) {
    if (line.startsWith('* [')) expect(line).toMatch(/\): \S/);
  }
});
