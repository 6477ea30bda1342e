import type { AccessOptions } from '../../kube-api/access.ts';
import type { Surroundings } from '../../kube-api/surroundings.ts';
import type { PodNatOptions } from '../objects/metadata.ts';
import type { WantedKinds } from './resources.ts';
import type { Timings } from './timings.ts';

/** What is read from a cluster, and how. */
export interface KubeOptions {
  /** The node whose NAT it is; null: the Pods of all nodes are read. */
  readonly nodeName: string | null;
  readonly enable: WantedKinds;
  /** Which cluster and as whom. */
  readonly access: AccessOptions;
  readonly podNat?: PodNatOptions;
  /** Clock and chance of the process when absent. */
  readonly surroundings?: Surroundings;
  readonly timings?: Partial<Timings>;
  /** Milliseconds after which a source that could not be read completely ends with its trouble; absent: never. */
  readonly giveUpAfter?: number;
  /** Takes lines that only matter when someone looks for a reason. */
  readonly debug?: (line: string) => void;
}
