import { ActivityLog } from './activity.ts';
import { Metrics } from './metrics/metrics.ts';
import { SyncHistory } from './sync-history.ts';

/** Where the state of the node is kept for others: the NodeNAT object, or as podnat-controller had it. */
export type StateStoreName = 'crd' | 'configmap' | 'webdav';

/** What is known of an agent's work beside its present state: all of it bounded. */
export class Observations {
  readonly metrics: Metrics;
  readonly activity = new ActivityLog();
  readonly history = new SyncHistory();
  /** The stores of the state that are in use: when each was last known to have it, in milliseconds since the epoch. */
  readonly storesHeldAt = new Map<StateStoreName, number>();

  constructor(options: { readonly kubeProxyNames: boolean }) {
    this.metrics = new Metrics(options);
  }
}
