import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';

/** A new folder for the files of a test; the caller removes it. */
export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'knat-kubeconfig-'));
}

/**
 * Writes a kubeconfig (JSON is YAML) and returns its path. `user` is the content of `user:`; `where` is added to the
 * content of `cluster:`, and a key with undefined is removed from it.
 */
export function writeKubeconfig(
  folder: string,
  cluster: Pick<Cluster, 'url' | 'authority'>,
  user: object,
  where: object = {},
): string {
  const path = join(folder, 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'test',
        cluster: {
          server: cluster.url,
          'certificate-authority-data': Buffer.from(cluster.authority).toString('base64'),
          ...where,
        },
      },
    ],
    users: [{ name: 'knat', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'knat' } }],
    'current-context': 'test',
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

/** Writes the files that the kubelet gives a pod, below a folder that stands for `/`; gives the path of the token. */
export function writeServiceAccount(folder: string, { authority, knatToken }: Cluster): string {
  const files = join(folder, 'var/run/secrets/kubernetes.io/serviceaccount');
  mkdirSync(files, { recursive: true });
  writeFileSync(join(files, 'ca.crt'), authority);
  writeFileSync(join(files, 'token'), knatToken);
  return join(files, 'token');
}
