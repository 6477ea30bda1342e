import type { Definition, LabelValues } from '../../src/observe/metrics/definition.ts';
import { knatMetrics } from '../../src/observe/metrics/knat.ts';
import { kubeProxyMetrics } from '../../src/observe/metrics/kube-proxy.ts';
import { Metrics } from '../../src/observe/metrics/metrics.ts';
import { webhookMetrics } from '../../src/observe/metrics/webhook.ts';

/** The metrics of kube-proxy 1.36 that knat does not serve, and why. */
const absentKubeProxyMetrics: Readonly<Record<string, string>> = {
  kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total:
    'kube-proxy deletes stale chains some time after the sync; knat has no chains of Services and removes elements in the same transaction',
  kubeproxy_conntrack_reconciler_deleted_entries_total:
    'knat_stale_flows_deleted_total: both families are read together',
  kubeproxy_conntrack_reconciler_sync_duration_seconds:
    'the table is read beside the NAT loop; the time is not measured',
  kubeproxy_sync_proxy_rules_iptables_last: 'iptables only',
  kubeproxy_sync_proxy_rules_iptables_total: 'iptables only',
  kubeproxy_sync_proxy_rules_iptables_restore_failures_total: 'iptables only',
  kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total: 'iptables only',
  kubeproxy_iptables_ct_state_invalid_dropped_packets_total: 'iptables only',
  kubeproxy_iptables_localhost_nodeports_accepted_packets_total:
    'NodePorts of knat never answer on loopback addresses',
  'rest_client_*':
    'metrics of the Go client; knat_source_interruptions_total and knat_problems count failures',
  'go_*': 'of the Go runtime; nodejs_* is that of Node.js',
};

/** The text of docs/metrics.md. */
export async function metricsDocument(): Promise<string> {
  const runtime = (await new Metrics({ kubeProxyNames: true }).snapshot()).filter(
    ({ name }) => !(name in knatMetrics) && !(name in kubeProxyMetrics),
  );
  return `# Metrics

The agent serves \`/metrics\` in the text format of Prometheus on \`--metrics-address\` and on \`--http-address\`
(\`docs/http-api.md\` says who may read it). This page is made from the definitions in \`src/observe/metrics/\` by
\`scripts/generate-docs\`; a test compares the two. The chart has a PodMonitor, alerts and a dashboard
(\`charts/knat/README.md\`, "Monitoring").

Times are in seconds. No label has values that grow with the cluster. If the values of a metric's labels are listed below, a counter
of events that never happened is 0, not absent.

## knat's own

${table(knatMetrics)}

## Under kube-proxy's names

Dashboards and alerts for kube-proxy keep working with these metrics. Names, labels and buckets are those of kube-proxy 1.36; the
agent serves them while Service NAT is on.

${table(kubeProxyMetrics)}

These metrics of kube-proxy are missing:

| metric | why, or what instead |
|---|---|
${Object.entries(absentKubeProxyMetrics)
  .map(([name, why]) => `| \`${name}\` | ${why} |`)
  .join('\n')}

## Of the admission webhook

\`knat webhook\` serves these on \`--status-address\`, without a token (\`docs/webhook.md\`).

${table(webhookMetrics)}

## Process and Node.js

As the library \`prom-client\` has them, except for \`nodejs_eventloop_lag_*_seconds\`: an agent at rest takes a sample
every two seconds, one that works takes 50 a second.

| metric | type | meaning |
|---|---|---|
${runtime.map(({ name, type, help }) => `| \`${name}\` | ${type} | ${help} |`).join('\n')}
`;
}

function table(definitions: Readonly<Record<string, Definition>>): string {
  const rows = Object.entries(definitions).map(
    ([name, { type, labels, help, buckets }]) =>
      `| \`${name}\` | ${type}${buckets.length === 0 ? '' : ` (${buckets[0]} to ${buckets.at(-1)})`} | ${labelCell(labels)} | ${help} |`,
  );
  return ['| metric | type | labels | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function labelCell(labels: Readonly<Record<string, LabelValues>>): string {
  return Object.entries(labels)
    .map(([name, values]) => `\`${name}\`: ${Array.isArray(values) ? values.join(', ') : wordsOf(values)}`)
    .join('; ');
}

function wordsOf(values: LabelValues): string {
  return 'words' in values ? values.words : values.join(', ');
}
