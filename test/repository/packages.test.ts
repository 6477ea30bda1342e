import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** The packages of an installation (docs/adr/0014-kubeconfig-and-dependencies.md). */

interface Package {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  /** It lies within the package that it is a part of. */
  readonly inBundle?: boolean;
}

const root = new URL('../../', import.meta.url);
const read = (name: string) => JSON.parse(readFileSync(new URL(name, root), 'utf8'));
const locked: Readonly<Record<string, Package>> = read('package-lock.json').packages;
const packages = Object.entries(locked).filter(([path]) => path !== '');

/** Packages for other platforms count too: the lock file has them all. */
const MOST = 60;

test(`no more than ${MOST} packages come with the program`, () => {
  const production = packages.filter(([, { dev = false }]) => !dev).map(([path]) => path);
  expect(production.length).toBeGreaterThan(10);
  expect(production.length, production.join(' ')).toBeLessThanOrEqual(MOST);
});

test('every package is pinned by content, and comes from whichever registry is configured', () => {
  for (const [path, { resolved, integrity, version, inBundle = false }] of packages) {
    if (inBundle) continue;
    expect([path, resolved, typeof integrity]).toEqual([path, undefined, 'string']);
    expect([path, version]).toEqual([path, expect.stringMatching(/^\d+\.\d+\.\d+/)]);
  }
});

test('package.json names exact versions, those of the lock file', () => {
  const { dependencies, devDependencies } = read('package.json');
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    expect([name, locked[`node_modules/${name}`]?.version]).toEqual([name, version]);
  }
});
