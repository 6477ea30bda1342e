import type { AccessOptions } from '../../kube-api/access.ts';
import type { Surroundings } from '../../kube-api/surroundings.ts';
import type { PodNatOptions } from '../objects/metadata.ts';
import type { WantedKinds } from './resources.ts';
import type { Timings } from './timings.ts';

export interface KubeOptions {
  /** The node whose NAT is planned; null: the Pods of all nodes are read. */
  readonly nodeName: string | null;
  readonly enable: WantedKinds;
  readonly access: AccessOptions;
  readonly podNat?: PodNatOptions;
  /** Absent: clock and random numbers of the process. */
  readonly surroundings?: Surroundings;
  readonly timings?: Partial<Timings>;
  /** Milliseconds after which a source that could not be read completely fails; absent: never. */
  readonly giveUpAfter?: number;
  readonly debug?: (line: string) => void;
}
