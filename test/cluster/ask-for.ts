import type { KubeChange } from '../generators/kube-objects.ts';
import type { ClusterClient } from './cluster-client.ts';

/** Kinds with hardly a field that can be changed. */
const FIXED: ReadonlySet<string> = new Set(['Pod']);

/**
 * Makes the change at the server. If the server cannot change an existing object (422: a ClusterIP, a NodePort
 * that another Service got), the object is removed and created again.
 */
export async function askFor(client: ClusterClient, { manifest, isGone, anew }: KubeChange): Promise<void> {
  if (isGone || anew || FIXED.has(manifest.kind)) await client.remove(manifest);
  if (isGone) return;
  const status = await client.replace(manifest);
  if (status === 422) {
    await client.remove(manifest);
    await client.create(manifest);
  } else if (status >= 300) {
    throw new Error(`${manifest.kind} ${manifest.metadata.name}: ${status}`);
  }
}
