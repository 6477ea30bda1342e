import { ActivityLog } from './activity.ts';
import { Metrics } from './metrics/metrics.ts';
import { SyncHistory } from './sync-history.ts';

/** Where the node's state is published: the NodeNAT object, or podnat-controller's form. */
export type StateStoreName = 'crd' | 'configmap' | 'webdav';

/** An agent's metrics and history, all of bounded size. */
export class Observations {
  readonly metrics: Metrics;
  readonly activity = new ActivityLog();
  readonly history = new SyncHistory();
  /** When the store in use last had the state, in milliseconds since the epoch; 0: never. */
  readonly storesHeldAt = new Map<StateStoreName, number>();

  constructor(options: { readonly kubeProxyNames: boolean }) {
    this.metrics = new Metrics(options);
  }
}
