import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CHART, helm } from '../../scripts/generate/helm.ts';
import type { Definition } from '../../src/observe/metrics/definition.ts';
import { knatMetrics } from '../../src/observe/metrics/knat.ts';
import { kubeProxyMetrics } from '../../src/observe/metrics/kube-proxy.ts';
import { Metrics } from '../../src/observe/metrics/metrics.ts';
import { webhookMetrics } from '../../src/observe/metrics/webhook.ts';
import { kubernetesErrors } from './kubernetes-models.ts';
import { readPromql } from './promql.ts';
import { type Manifest, render, renderDaemonSet } from './rendered.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
interface Groups {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}
interface PodMonitorSpec {
  readonly podMetricsEndpoints: readonly unknown[];
}
interface WebhookSpec {
  readonly selector: unknown;
  readonly template: {
    readonly spec: { readonly containers: readonly { readonly ports: readonly unknown[] }[] };
  };
}
interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

const { groups } = parse(readFileSync(`${CHART}/files/alerts.yaml`, 'utf8')) as Groups;
const rules = groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(readFileSync(`${CHART}/files/dashboard.json`, 'utf8')) as Dashboard;

const definitions: Readonly<Record<string, Definition>> = {
  ...knatMetrics,
  ...kubeProxyMetrics,
  ...webhookMetrics,
};
/** Labels that a scrape adds to every series. */
const TARGET_LABELS = ['instance', 'job', 'namespace', 'pod', 'container', 'endpoint'];
/** Metrics of the process and Node.js: only their names. */
let runtime: ReadonlySet<string>;

beforeAll(async () => {
  runtime = new Set((await new Metrics({ kubeProxyNames: true }).snapshot()).map(({ name }) => name));
});

/** Metrics and labels of an expression that the agent does not have, one line each. */
function faults(text: string): string[] {
  const { selectors, grouping } = readPromql(text.replaceAll('$__rate_interval', '5m'));
  const known = new Set(TARGET_LABELS);
  const found: string[] = [];
  for (const { metric, matchers } of selectors) {
    const base = metric.replace(/_(bucket|sum|count)$/, '');
    const isPart = base !== metric && definitions[base]?.type === 'histogram';
    const definition = definitions[isPart ? base : metric];
    if (definition === undefined) {
      if (!runtime.has(metric)) found.push(`there is no metric ${metric}`);
    } else if (definition.type === 'histogram' && !isPart) {
      found.push(`${metric} is a histogram: it has _bucket, _sum and _count`);
    }
    if (metric.endsWith('_bucket')) known.add('le');
    for (const label of Object.keys(definition?.labels ?? {})) known.add(label);
    for (const { label, operator, value } of matchers) {
      const values = definition?.labels[label];
      if (values === undefined && !TARGET_LABELS.includes(label))
        found.push(`${metric} has no label ${label}`);
      if (operator === '=' && Array.isArray(values) && !values.includes(value)) {
        found.push(`${metric}: ${label} is never ${value}`);
      }
    }
  }
  for (const label of grouping) if (!known.has(label)) found.push(`nothing here has the label ${label}`);
  return found;
}

test.each([
  ['rate(knat_no_such_total[5m]) > 0', 'there is no metric knat_no_such_total'],
  ['knat_converge_duration_seconds > 1', 'knat_converge_duration_seconds is a histogram'],
  ['knat_conflicts{kind="a"}', 'knat_conflicts has no label kind'],
  ['knat_elements_changed_total{operation="added"}', 'operation is never added'],
  ['sum by (kinds) (knat_plan_entries)', 'nothing here has the label kinds'],
  ['sum by (le) (knat_conflicts)', 'nothing here has the label le'],
])('the check finds what is wrong with %s', (expression, fault) => {
  expect(faults(expression).join()).toContain(fault);
});

test.each(['knat_conflicts{a="b"', 'sum(', '"text"', 'a ~ b'])('%s is no expression', (expression) => {
  expect(() => readPromql(expression)).toThrow();
});

describe('alerts', () => {
  test.each(rules.map((rule) => [rule.alert, rule] as const))('%s', (_, rule) => {
    expect(faults(rule.expr)).toEqual([]);
    expect(rule.alert).toMatch(/^Knat[A-Z]/);
    expect(['critical', 'warning', 'info']).toContain(rule.labels.severity);
    expect(Object.keys(rule.annotations).sort()).toEqual(['description', 'runbook', 'summary']);
    for (const text of Object.values(rule.annotations)) {
      expect(text.length).toBeGreaterThan(10);
      const labels = [...text.matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label);
      const { grouping } = readPromql(rule.expr);
      for (const label of labels) expect([...TARGET_LABELS, ...grouping]).toContain(label);
    }
    const named = rule.annotations.runbook?.match(/\bKnat[A-Z]\w+/g) ?? [];
    for (const name of named) expect(rules.map(({ alert }) => alert)).toContain(name);
  });

  test('no two have a name', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });
});

describe('dashboard', () => {
  test.each(dashboard.panels.map((panel) => [panel.title, panel] as const))('%s', (_, { targets }) => {
    expect(targets.length).toBeGreaterThan(0);
    for (const { expr, legendFormat } of targets) {
      expect(faults(expr), expr).toEqual([]);
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label ?? '');
      const { selectors, grouping } = readPromql(expr.replaceAll('$__rate_interval', '5m'));
      const kept = grouping.length > 0 && !expr.includes(' on ') ? grouping : labelsOf(selectors);
      for (const label of shown) expect(kept, expr).toContain(label);
    }
  });

  function labelsOf(selectors: readonly { metric: string }[]): string[] {
    const own = selectors.flatMap(({ metric }) => Object.keys(definitions[metric]?.labels ?? {}));
    return [...TARGET_LABELS, ...own];
  }

  test('panels have unique ids and do not overlap', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });
});

function specOf<Spec>(manifest: Manifest | undefined): Spec {
  return (manifest as unknown as { readonly spec: Spec }).spec;
}

const EVERYTHING =
  'metrics.address=0.0.0.0,tls.secretName=knat-tls,monitoring.podMonitor.enabled=true,monitoring.podMonitor.token.name=scraper,monitoring.prometheusRule.enabled=true,monitoring.dashboard.enabled=true';

describe('the chart', () => {
  const find = (manifests: readonly Manifest[], kind: string, name = 'knat') =>
    manifests.find((each) => each.kind === kind && each.metadata.name === name);

  test('without switches the chart makes none of it, and gives no right to look up tokens', async () => {
    const manifests = await render();
    for (const kind of ['PodMonitor', 'PrometheusRule', 'ConfigMap']) {
      expect(find(manifests, kind)).toBeUndefined();
    }
    expect(JSON.stringify(manifests)).not.toContain('tokenreviews');
    expect(manifests.filter(({ kind }) => kind === 'ClusterRole')).toHaveLength(1);
  });

  test('everything on: objects that Kubernetes and the operator know', async () => {
    const manifests = await render('--set', EVERYTHING);
    const foreign = manifests.filter(({ apiVersion }) => apiVersion === 'monitoring.coreos.com/v1');
    expect(manifests.filter((each) => !foreign.includes(each)).flatMap(kubernetesErrors)).toEqual([]);
    expect(find(foreign, 'PodMonitor')?.spec).toEqual({
      selector: { matchLabels: { 'app.kubernetes.io/name': 'knat', 'app.kubernetes.io/instance': 'knat' } },
      podMetricsEndpoints: [
        {
          port: 'metrics',
          path: '/metrics',
          interval: '30s',
          scheme: 'https',
          authorization: { type: 'Bearer', credentials: { name: 'scraper', key: 'token' } },
          relabelings: [{ sourceLabels: ['__meta_kubernetes_pod_node_name'], targetLabel: 'instance' }],
        },
      ],
    });
    expect(find(foreign, 'PrometheusRule')?.spec).toEqual({ groups });
    const config = find(manifests, 'ConfigMap', 'knat-dashboard');
    expect(config?.metadata.labels).toMatchObject({ grafana_dashboard: '1' });
    expect(JSON.parse(config?.data?.['knat.json'] ?? '')).toEqual(dashboard);
  });

  test('the webhook is scraped too, at the port of its status', async () => {
    const on = `${EVERYTHING},webhook.enabled=true`;
    const manifests = await render('--set', on);
    const monitor = specOf<PodMonitorSpec>(find(manifests, 'PodMonitor', 'knat-webhook'));
    expect(monitor.podMetricsEndpoints).toEqual([{ port: 'status', path: '/metrics', interval: '30s' }]);
    const { selector, template } = specOf<WebhookSpec>(find(manifests, 'Deployment', 'knat-webhook'));
    expect(monitor).toMatchObject({ selector });
    const ports = template.spec.containers.flatMap((container) => container.ports);
    expect(ports).toContainEqual({ name: 'status', containerPort: 9444 });
    expect(find(await render('--set', EVERYTHING), 'PodMonitor', 'knat-webhook')).toBeUndefined();
  });

  test('the agent listens where the chart says, with the files of the Secret', async () => {
    const { agent, daemonSet } = await renderDaemonSet('--set', EVERYTHING);
    expect(agent.args).toEqual(
      expect.arrayContaining([
        '--http-address=127.0.0.1:8484',
        '--metrics-address=0.0.0.0:10267',
        '--tls-cert-file=/etc/knat-tls/tls.crt',
        '--tls-private-key-file=/etc/knat-tls/tls.key',
      ]),
    );
    expect(agent.ports).toContainEqual({ name: 'metrics', containerPort: 10267, hostPort: 10267 });
    expect(daemonSet.spec.template.spec.volumes).toContainEqual({
      name: 'tls',
      secret: { secretName: 'knat-tls' },
    });
  });

  test.each(['null', '0'])('http.port %s switches it off, as option and as variable', async (port) => {
    const plain = await renderDaemonSet('--set', `http.port=${port}`);
    expect(plain.agent.args).toContain('--http-address=');
    const file = `${CHART}/values-from-podnat-controller.yaml`;
    const { agent } = await renderDaemonSet('-f', file, '--set', `http.port=${port}`);
    expect(agent.env).toContainEqual({ name: 'KNAT_HTTP_ADDRESS', value: '' });
  });

  test.each([
    ['http.address=::,http.port=80', '--http-address=[::]:80', true],
    ['metrics.address=192.0.2.1', '--metrics-address=192.0.2.1:10267', true],
    ['metrics.address=0.0.0.0,metrics.unauthenticated=true', '--unauthenticated-metrics', false],
    ['service.enabled=false', '--metrics-address=127.0.0.1:10267', false],
    ['http.address=0.0.0.0,http.port=null', '--http-address=', false],
    ['metrics.address=::1', '--metrics-address=[::1]:10267', false],
  ])('%s gives %s; tokens are looked up: %s', async (values, option, looksUp) => {
    expect((await renderDaemonSet('--set', values)).agent.args).toContain(option);
    const manifests = await render('--set', values);
    expect(JSON.stringify(manifests).includes('tokenreviews')).toBe(looksUp);
    expect(find(manifests, 'ClusterRole', 'knat-reader') !== undefined).toBe(looksUp);
    expect(find(manifests, 'ClusterRole', 'knat-metrics-reader') !== undefined).toBe(looksUp);
  });

  test.each([
    ['monitoring.podMonitor.enabled=true', 'metrics.address is on loopback'],
    ['http.address=localhost', '/http/address'],
    ['metrics.port=0', '/metrics/port'],
    ['monitoring.podMonitor.interval=often', '/monitoring/podMonitor/interval'],
    ['monitoring.alerts=true', 'alerts'],
  ])('%s is refused', async (value, named) => {
    const { status, complaint } = await helm('template', 'knat', CHART, '--set', value);
    expect(status).toBe(1);
    expect(complaint).toContain(named);
  });

  test('while the nodes are cleaned the chart makes none of it', async () => {
    const manifests = await render('--set', `${EVERYTHING},cleanup.enabled=true`);
    expect(manifests.map(({ kind }) => kind)).not.toContain('PodMonitor');
  });
});
