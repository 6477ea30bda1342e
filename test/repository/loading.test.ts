import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/**
 * Modules that are loaded before a command begins. They take most of the time of `knat version`. The test counts them, since
 * a clock would measure the machine.
 */

const src = new URL('../../src/', import.meta.url);

/** Our modules that these load, as paths below src, and the packages; without those that `import()` loads later. */
function loadedBy(...roots: readonly string[]): { modules: string[]; packages: string[] } {
  const modules = new Set<string>();
  const packages = new Set<string>();
  const visit = (url: URL) => {
    const path = url.href.slice(src.href.length);
    if (modules.has(path)) return;
    modules.add(path);
    const text = readFileSync(url, 'utf8');
    for (const [, name = ''] of text.matchAll(
      /^(?:import|export)\s(?!type\s)[^;'"]*?from '([^']+)';$|^import '[^']+';$/gms,
    )) {
      if (name.startsWith('.')) visit(new URL(name, url));
      else if (!name.startsWith('node:')) packages.add(name);
    }
  };
  for (const root of roots) visit(new URL(root, src));
  return { modules: [...modules].sort(), packages: [...packages].sort() };
}

/** `knat --help`, and `knat COMMAND --help` of any command. */
const HELP = ['cli/main.ts', 'cli/program.ts'];

test.each([
  ['--help', HELP],
  ['version', [...HELP, 'agent/versions.ts']],
])('knat %s loads the options and no code that runs a command', (_, roots) => {
  const { modules, packages } = loadedBy(...roots);
  expect(packages).toEqual(['commander', 'picocolors']);
  expect(modules).toContain('cli/options/table.ts');
  expect(modules.length, modules.join(' ')).toBeLessThanOrEqual(48);
});

test('explain from manifests loads neither a socket of the kernel nor the agent and its API', () => {
  const { modules, packages } = loadedBy(...HELP, 'cli/commands/explain.ts', 'sources/dir/dir-source.ts');
  expect(packages).toEqual(['commander', 'picocolors', 'yaml']);
  expect(modules.filter((path) => /^(wire|datapath|kube-api|observe\/api|status)\//.test(path))).toEqual([]);
});

test('a pod that reads its cluster loads no parser of kubeconfigs', () => {
  const { packages } = loadedBy('kube-api/open-access.ts');
  expect(packages).toEqual([]);
});
