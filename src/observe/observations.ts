import { ActivityLog } from './activity.ts';
import { Metrics } from './metrics/metrics.ts';
import { SyncHistory } from './sync-history.ts';

/** Where the state of the node is published: in the NodeNAT object, or in podnat-controller's form. */
export type StateStoreName = 'crd' | 'configmap' | 'webdav';

/** Metrics and history of an agent, all of bounded size. */
export class Observations {
  readonly metrics: Metrics;
  readonly activity = new ActivityLog();
  readonly history = new SyncHistory();
  /** Store in use → when it was last known to have the state, in milliseconds since the epoch; 0: never. */
  readonly storesHeldAt = new Map<StateStoreName, number>();

  constructor(options: { readonly kubeProxyNames: boolean }) {
    this.metrics = new Metrics(options);
  }
}
