import type { FactChange } from '../../../model/facts.ts';
import { FAMILIES, type Family } from '../../../net/family.ts';
import type { Metrics } from '../../../observe/metrics/metrics.ts';
import type { AgentSurroundings, PlanInForce } from '../../companion.ts';
import { NoLocalEndpoints } from './no-local-endpoints.ts';

/** Changes that were delivered but are not in the kernel yet. */
interface Waiting {
  readonly services: Set<string>;
  readonly slices: Set<string>;
  /** Trigger times of slices, milliseconds since the epoch. */
  readonly triggers: { readonly family: Family; readonly at: number }[];
}

/** As in kube-proxy's pkg/proxy: endpointschangetracker, servicechangetracker. */
export class ProxyNames {
  readonly #metrics: Metrics;
  readonly #clock: () => number;
  readonly #startedAt: number;
  /** Milliseconds since the epoch; 0: not yet. */
  #queuedAt = 0;
  #syncedAt = 0;
  readonly #noLocalEndpoints = new NoLocalEndpoints();
  /** Delivered since the last attempt began; the current attempt programs the others. */
  #waiting = nothing();
  #underway = nothing();
  /** Trigger times already seen, by slice: the same time delivered again is no change. */
  readonly #triggerOf = new Map<string, number>();

  constructor(metrics: Metrics, surroundings: AgentSurroundings) {
    this.#metrics = metrics;
    this.#clock = () => surroundings.wallClock().getTime();
    this.#startedAt = this.#clock();
    metrics.collect('kubeproxy_sync_proxy_rules_endpoint_changes_pending', (set) =>
      set({}, this.#waiting.slices.size + this.#underway.slices.size),
    );
    metrics.collect('kubeproxy_sync_proxy_rules_service_changes_pending', (set) =>
      set({}, this.#waiting.services.size + this.#underway.services.size),
    );
    metrics.collect('kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds', (set) => {
      for (const ip_family of FAMILIES) set({ ip_family }, this.#queuedAt / 1000);
    });
    metrics.collect('kubeproxy_sync_proxy_rules_last_timestamp_seconds', (set) => {
      for (const ip_family of FAMILIES) set({ ip_family }, this.#syncedAt / 1000);
    });
    metrics.collect('kubeproxy_sync_proxy_rules_no_local_endpoints_total', (set) => {
      for (const ip_family of FAMILIES) {
        for (const traffic_policy of ['internal', 'external'] as const) {
          set({ ip_family, traffic_policy }, this.#noLocalEndpoints.count(ip_family, traffic_policy));
        }
      }
    });
  }

  delivered(changes: readonly FactChange[]): void {
    let services = 0;
    let slices = 0;
    for (const change of changes) {
      if (change.kind === 'Service') {
        services++;
        this.#waiting.services.add(change.key);
      } else if (change.kind === 'EndpointSlice') {
        slices++;
        this.#waiting.slices.add(change.key);
        if (change.fact === null) this.#triggerOf.delete(change.key);
        else this.#trigger(change.key, change.fact.family, change.fact.lastChangeTriggerAt);
      }
    }
    if (services + slices === 0) return;
    this.queued();
    this.#metrics.increment('kubeproxy_sync_proxy_rules_service_changes_total', {}, services);
    this.#metrics.increment('kubeproxy_sync_proxy_rules_endpoint_changes_total', {}, slices);
  }

  queued(): void {
    this.#queuedAt = this.#clock();
  }

  converging(): void {
    const { services, slices, triggers } = this.#waiting;
    for (const key of services) this.#underway.services.add(key);
    for (const key of slices) this.#underway.slices.add(key);
    for (const trigger of triggers.splice(0)) this.#underway.triggers.push(trigger);
    services.clear();
    slices.clear();
  }

  failed(): void {
    for (const ip_family of FAMILIES) {
      this.#metrics.increment('kubeproxy_sync_proxy_rules_nftables_sync_failures_total', { ip_family });
    }
  }

  converged({ report, plan, changed, milliseconds }: PlanInForce): void {
    const now = this.#clock();
    this.#syncedAt = now;
    const seconds = milliseconds / 1000;
    for (const ip_family of FAMILIES) {
      this.#metrics.observe('kubeproxy_sync_proxy_rules_duration_seconds', { ip_family }, seconds);
      const part =
        report.compared === 'everything'
          ? 'kubeproxy_sync_full_proxy_rules_duration_seconds'
          : 'kubeproxy_sync_partial_proxy_rules_duration_seconds';
      this.#metrics.observe(part, { ip_family }, seconds);
    }
    for (const { family, at } of this.#underway.triggers) {
      const ip_family = family;
      const latency = Math.max(0, now - at) / 1000;
      this.#metrics.observe('kubeproxy_network_programming_duration_seconds', { ip_family }, latency);
    }
    this.#underway = nothing();
    this.#noLocalEndpoints.update(plan, changed);
  }

  #trigger(key: string, family: Family, at: number | null): void {
    if (at === null || at <= this.#startedAt || this.#triggerOf.get(key) === at) return;
    this.#triggerOf.set(key, at);
    this.#waiting.triggers.push({ family, at });
  }
}

function nothing(): Waiting {
  return { services: new Set(), slices: new Set(), triggers: [] };
}
