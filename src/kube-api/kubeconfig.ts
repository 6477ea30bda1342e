import { readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { isRecord, listAt, recordAt, textAt } from '../base/json.ts';
import { AccessError, type AccessOptions } from './access.ts';
import { KubeconfigEntry } from './kubeconfig-entry.ts';

type Entries = Map<string, KubeconfigEntry>;

export interface Kubeconfig {
  readonly currentContext: string;
  readonly contexts: ReadonlyMap<string, KubeconfigEntry>;
  readonly clusters: ReadonlyMap<string, KubeconfigEntry>;
  readonly users: ReadonlyMap<string, KubeconfigEntry>;
}

export interface ChosenContext {
  readonly cluster: KubeconfigEntry;
  /** Null: the server needs no credentials. */
  readonly user: KubeconfigEntry | null;
}

/**
 * Reads the file that the options name, else the files of `$KUBECONFIG`, else `~/.kube/config`. Several files are
 * merged as by kubectl: for each name, and for the current context, the first file that has it counts; missing files of
 * `$KUBECONFIG` are ignored, unless all are missing. Throws AccessError.
 */
export function loadKubeconfig(options: AccessOptions, parseYaml: (text: string) => unknown): Kubeconfig {
  const paths = kubeconfigPaths(options);
  const merged = { currentContext: '', contexts: new Map(), clusters: new Map(), users: new Map() };
  let read = 0;
  for (const path of paths) {
    const text = textOf(path, paths.length > 1);
    if (text === null) continue;
    read++;
    const config = parsed(path, text, parseYaml);
    merged.currentContext ||= textAt(config, 'current-context');
    addEntries(merged.contexts, config, path, 'context');
    addEntries(merged.clusters, config, path, 'cluster');
    addEntries(merged.users, config, path, 'user');
  }
  if (read === 0)
    throw new AccessError(`the kubeconfig cannot be used: no file of ${paths.join(', ')} exists`);
  return merged;
}

/** The named context, otherwise the current one. Throws AccessError. */
export function chooseContext(config: Kubeconfig, context: string | undefined): ChosenContext {
  const asked = context ?? config.currentContext;
  const chosen = config.contexts.get(asked);
  if (chosen === undefined) throw new AccessError(noContext(config, asked));
  const cluster = config.clusters.get(chosen.text('cluster'));
  const user = chosen.text('user');
  const found = config.users.get(user) ?? null;
  const missing = cluster === undefined ? 'cluster' : 'user';
  if (cluster === undefined || (found === null && user !== '')) {
    throw new AccessError(`the context "${asked}" of the kubeconfig names a ${missing} that is not in it`);
  }
  return { cluster, user: found };
}

function noContext({ contexts }: Kubeconfig, asked: string): string {
  const known = contexts.size === 0 ? 'it has none' : `it has ${[...contexts.keys()].join(', ')}`;
  return asked === ''
    ? `the kubeconfig has no current context: name one; ${known}`
    : `the kubeconfig has no context "${asked}": ${known}`;
}

function kubeconfigPaths({ kubeconfig, environment }: AccessOptions): readonly string[] {
  if (kubeconfig !== undefined) return [kubeconfig];
  const listed = (environment.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '');
  if (listed.length > 0) return listed;
  return [join(environment.HOME ?? '', '.kube', 'config')];
}

function textOf(path: string, mayBeAbsent: boolean): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (mayBeAbsent && (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unusable(path, error);
  }
}

function parsed(path: string, text: string, parseYaml: (text: string) => unknown): unknown {
  let config: unknown;
  try {
    config = parseYaml(text) ?? {};
  } catch (error) {
    throw unusable(path, error);
  }
  if (!isRecord(config)) throw unusable(path, 'it is no object of YAML or JSON');
  const { kind = 'Config' } = config;
  if (kind !== 'Config') throw unusable(path, `its kind is ${JSON.stringify(kind)}, not Config`);
  return config;
}

function addEntries(entries: Entries, config: unknown, path: string, key: string): void {
  for (const item of listAt(config, `${key}s`)) {
    const name = textAt(item, 'name');
    if (name === '' || entries.has(name)) continue;
    entries.set(name, new KubeconfigEntry(`the ${key} "${name}"`, recordAt(item, key), dirname(path)));
  }
}

function unusable(path: string, reason: unknown): AccessError {
  const message = reason instanceof Error ? reason.message : String(reason);
  return new AccessError(`${path} cannot be used: ${message}`, { cause: reason });
}
