import type { Definition, LabelValues } from '../../src/observe/metrics/definition.ts';
import { knatMetrics } from '../../src/observe/metrics/knat.ts';
import { absentKubeProxyMetrics, kubeProxyMetrics } from '../../src/observe/metrics/kube-proxy.ts';
import { Metrics } from '../../src/observe/metrics/metrics.ts';

/** The text of docs/metrics.md. */
export async function metricsDocument(): Promise<string> {
  const runtime = (await new Metrics({ kubeProxyNames: true }).snapshot()).filter(
    ({ name }) => !(name in knatMetrics) && !(name in kubeProxyMetrics),
  );
  return `# Metrics

The agent serves \`/metrics\` in the text format of Prometheus on \`--metrics-address\` and on \`--http-address\`
(\`docs/http-api.md\` says who may read it). This page is made from the definitions in \`src/observe/metrics/\` by
\`scripts/generate-docs\`; a test compares the two. The chart brings a PodMonitor, alerts and a dashboard
(\`charts/knat/README.md\`, "Monitoring").

Times are in seconds. No label has values that grow with the cluster. What never happened is 0, not absent, where the
values of the labels are listed below.

## knat's own

${table(knatMetrics)}

## Under kube-proxy's names

So that dashboards and alerts for kube-proxy go on working. Names, labels and buckets are those of kube-proxy 1.36; they
are there while Service NAT is on.

${table(kubeProxyMetrics)}

These of kube-proxy are not here:

| metric | why, or what instead |
|---|---|
${Object.entries(absentKubeProxyMetrics)
  .map(([name, why]) => `| \`${name}\` | ${why} |`)
  .join('\n')}

## Process and Node.js

As the library \`prom-client\` has them.

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
