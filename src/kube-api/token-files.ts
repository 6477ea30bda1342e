import { readFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import type { AccessOptions } from './access.ts';

/**
 * `tokenFile` of the users of kubeconfig files, by user: a file whose content is the token, and may change. The official
 * client does not know the field. A path is relative to its kubeconfig; of several files the first that has the user
 * counts, as kubectl merges them. What cannot be read has none: the client tells of it.
 */
export function tokenFilesOf(
  options: AccessOptions,
  parseYaml: (text: string) => unknown,
): ReadonlyMap<string, string> {
  const found = new Map<string, string | null>();
  for (const path of kubeconfigPaths(options)) {
    for (const { name, user } of usersOf(path, parseYaml)) {
      if (typeof name !== 'string' || found.has(name)) continue;
      const file = (user as { tokenFile?: unknown } | null | undefined)?.tokenFile;
      const isNamed = typeof file === 'string' && file !== '';
      found.set(name, isNamed ? resolve(dirname(path), file) : null);
    }
  }
  return new Map([...found].filter((pair): pair is [string, string] => pair[1] !== null));
}

/** As the official client looks for them. */
function kubeconfigPaths({ kubeconfig, environment }: AccessOptions): string[] {
  if (kubeconfig !== undefined) return [kubeconfig];
  const listed = (environment.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '');
  if (listed.length > 0) return listed;
  return (environment.HOME ?? '') === '' ? [] : [join(environment.HOME ?? '', '.kube', 'config')];
}

interface NamedUser {
  readonly name?: unknown;
  readonly user?: unknown;
}

function usersOf(path: string, parseYaml: (text: string) => unknown): readonly NamedUser[] {
  try {
    const config = parseYaml(readFileSync(path, 'utf8')) as { readonly users?: unknown } | null;
    const users = config?.users;
    return Array.isArray(users) ? users.filter((each) => typeof each === 'object' && each !== null) : [];
  } catch {
    return [];
  }
}
