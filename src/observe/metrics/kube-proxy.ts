import { counter, exponential, gauge, histogram, linear } from './definition.ts';

const ip_family = ['IPv4', 'IPv6'] as const;
const syncBuckets = exponential(0.001, 2, 15);
const both = 'Both families are one transaction: they have the same value.';

/**
 * The metrics of kube-proxy 1.36 that apply to knat, with its names, labels and buckets (pkg/proxy/metrics). Served
 * while Service NAT is on.
 */
export const kubeProxyMetrics = {
  kubeproxy_sync_proxy_rules_duration_seconds: histogram(
    `One successful attempt to make the kernel match: from the start of planning to the acknowledgement of the kernel. ${both}`,
    syncBuckets,
    { ip_family },
  ),
  kubeproxy_sync_full_proxy_rules_duration_seconds: histogram(
    `The attempts of kubeproxy_sync_proxy_rules_duration_seconds that compared everything with the kernel: the first one, and those after a foreign change or a failure. ${both}`,
    syncBuckets,
    { ip_family },
  ),
  kubeproxy_sync_partial_proxy_rules_duration_seconds: histogram(
    `The attempts of kubeproxy_sync_proxy_rules_duration_seconds that wrote only the changes since the previous one. ${both}`,
    syncBuckets,
    { ip_family },
  ),
  kubeproxy_network_programming_duration_seconds: histogram(
    'From the change of a Pod or Service, by the annotation endpoints.kubernetes.io/last-change-trigger-time of an EndpointSlice, to the acknowledgement of the kernel. Compares the clocks of two machines. Changes from before the start of the agent, and removed slices, do not count.',
    [0.25, 0.5, ...linear(1, 1, 59), ...linear(60, 5, 12), ...linear(120, 30, 7)],
    { ip_family },
  ),
  kubeproxy_sync_proxy_rules_last_timestamp_seconds: gauge(
    `When the kernel was last made to match, or found to match, in seconds since the epoch. ${both}`,
    { ip_family },
  ),
  kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds: gauge(
    `When a Service or EndpointSlice was last delivered, or another program changed the tables, in seconds since the epoch. ${both}`,
    { ip_family },
  ),
  kubeproxy_sync_proxy_rules_endpoint_changes_total: counter(
    'EndpointSlices that the source delivered: added, changed, removed.',
  ),
  kubeproxy_sync_proxy_rules_endpoint_changes_pending: gauge(
    'EndpointSlices that were delivered and are not in the kernel yet.',
  ),
  kubeproxy_sync_proxy_rules_service_changes_total: counter(
    'Services that the source delivered: added, changed, removed.',
  ),
  kubeproxy_sync_proxy_rules_service_changes_pending: gauge(
    'Services that were delivered and are not in the kernel yet.',
  ),
  kubeproxy_sync_proxy_rules_no_local_endpoints_total: gauge(
    'Services with traffic policy Local that have endpoints, but none on this node: traffic under that policy is dropped. A gauge in spite of its name, as in kube-proxy.',
    { ip_family, traffic_policy: ['internal', 'external'] },
  ),
  kubeproxy_sync_proxy_rules_nftables_sync_failures_total: counter(
    `Attempts to make the kernel match that failed. ${both}`,
    { ip_family },
  ),
  kubeproxy_proxy_healthz_total: counter('Answers of /healthz on the address of --health-address.', {
    code: ['200', '503'],
  }),
  kubeproxy_proxy_livez_total: counter('Answers of /livez on the address of --health-address.', {
    code: ['200', '503'],
  }),
} as const;
