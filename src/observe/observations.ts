import { ActivityLog } from './activity.ts';
import { Metrics } from './metrics/metrics.ts';
import { SyncHistory } from './sync-history.ts';

/** What is known of an agent's work beside its present state: all of it bounded. */
export class Observations {
  readonly metrics: Metrics;
  readonly activity = new ActivityLog();
  readonly history = new SyncHistory();

  constructor(options: { readonly kubeProxyNames: boolean }) {
    this.metrics = new Metrics(options);
  }
}
