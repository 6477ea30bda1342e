import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../../cluster/cluster-client.ts';
import { type KubeChange, NODE } from '../../generators/kube-objects.ts';
import { makeFolder } from './make-folder.ts';
import type { Store } from './store.ts';

/** One file for each object. */
export class FolderStore implements Store {
  readonly folder = makeFolder('objects');

  get agentArgs(): readonly string[] {
    return ['--source', `dir:${this.folder}`, '--node', NODE.name];
  }

  async change({ manifest, isGone }: KubeChange): Promise<Manifest | null> {
    const { kind, metadata } = manifest;
    const file = join(this.folder, `${kind}-${metadata.namespace ?? ''}-${metadata.name}.json`);
    if (isGone) rmSync(file, { force: true });
    else writeFileSync(file, JSON.stringify(allocated(manifest)));
    return isGone ? null : allocated(manifest);
  }

  async close(): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Gives a Service the ClusterIPs that an API server would choose. */
function allocated(manifest: Manifest): Manifest {
  const { spec } = manifest as { spec?: { ipFamilies?: readonly string[]; clusterIPs?: readonly string[] } };
  if (manifest.kind !== 'Service' || spec?.ipFamilies === undefined || spec.clusterIPs !== undefined)
    return manifest;
  const last = 20 + (manifest.metadata.name.charCodeAt(0) % 26);
  const clusterIPs = spec.ipFamilies.map((family) =>
    family === 'IPv4' ? `10.96.0.${last}` : `fd00:96::${last}`,
  );
  return { ...manifest, spec: { ...spec, clusterIP: clusterIPs[0], clusterIPs } };
}
