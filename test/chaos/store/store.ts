import type { Manifest } from '../../cluster/cluster-client.ts';
import type { KubeChange } from '../../generators/kube-objects.ts';

export type SourceKind = 'folder' | 'kubernetes';

/** Where the agent reads objects: a folder, or an API server. */
export interface Store {
  /** The options of `knat agent` that name it. */
  readonly agentArgs: readonly string[];
  /** Makes the change and returns the object as it is then; null: there is none. */
  change(change: KubeChange): Promise<Manifest | null>;
  close(): Promise<void>;
}
