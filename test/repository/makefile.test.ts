import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url).pathname;
const makefile = readFileSync(`${ROOT}Makefile`, 'utf8');
const targets = [...makefile.matchAll(/^([a-z][\w-]*):/gm)].map(([, name]) => name ?? '');

test('no target of the Makefile is a file, and every target that a person calls has a line in `make help`', () => {
  const phony = [...makefile.matchAll(/^\.PHONY: (.*)$/gm)].flatMap(([, names]) => names?.split(' ') ?? []);
  expect(phony.sort()).toEqual([...targets].sort());
  const help = execFileSync('make', ['--no-print-directory', 'help'], { cwd: ROOT, encoding: 'utf8' });
  const listed = [...help.matchAll(/^ {2}make ([\w-]+) /gm)].map(([, name]) => name ?? '');
  const steps = ['setup-checks', 'setup-tests'];
  expect(listed.sort()).toEqual(targets.filter((name) => !steps.includes(name)).sort());
});
