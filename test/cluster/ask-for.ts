import type { KubeChange } from '../generators/kube-objects.ts';
import type { ClusterClient } from './cluster-client.ts';

/** Kinds of which hardly a field can be changed. */
const FIXED: ReadonlySet<string> = new Set(['Pod']);

/**
 * Has the server do what the change says. What it cannot change in an object that is there (422: a ClusterIP, a NodePort
 * that another Service was given) comes anew.
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
