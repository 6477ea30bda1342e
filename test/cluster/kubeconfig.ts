import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';

/** A folder of its own for the files of a test; the caller removes it. */
export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'knat-kubeconfig-'));
}

/** Writes a kubeconfig (JSON is YAML) and gives its path. `user` is what stands under `user:`. */
export function writeKubeconfig(folder: string, cluster: Cluster, user: object): string {
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
