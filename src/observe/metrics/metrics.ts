import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { MetricSnapshot } from '../../forms/history.ts';
import type { Definition, LabelsOf } from './definition.ts';
import { knatMetrics } from './knat.ts';
import { kubeProxyMetrics } from './kube-proxy.ts';
import { type LoopDelay, LoopDelaySampler } from './loop-delay.ts';
import { webhookMetrics } from './webhook.ts';

const definitions = { ...knatMetrics, ...kubeProxyMetrics, ...webhookMetrics };

type Definitions = typeof definitions;

const LATE =
  'delay of timers of the event loop, in seconds; since the last scrape, sampled while the process works';
/** Under the names of prom-client, whose own monitor wakes an idle process up 50 times a second. */
const loopMetrics: Readonly<Record<string, readonly [keyof LoopDelay, string]>> = {
  nodejs_eventloop_lag_min_seconds: ['min', `Least ${LATE}.`],
  nodejs_eventloop_lag_max_seconds: ['max', `Greatest ${LATE}.`],
  nodejs_eventloop_lag_mean_seconds: ['mean', `Mean ${LATE}.`],
  nodejs_eventloop_lag_stddev_seconds: ['stddev', `Standard deviation of the ${LATE}.`],
  nodejs_eventloop_lag_p50_seconds: ['p50', `50th percentile of the ${LATE}.`],
  nodejs_eventloop_lag_p90_seconds: ['p90', `90th percentile of the ${LATE}.`],
  nodejs_eventloop_lag_p99_seconds: ['p99', `99th percentile of the ${LATE}.`],
};
/** Milliseconds, the most that a timer of Node.js takes. */
const NEVER = 2 ** 31 - 1;

type Named<Type extends Definition['type']> = {
  [Name in keyof Definitions]: Definitions[Name]['type'] extends Type ? Name : never;
}[keyof Definitions];

/** Label values that are not set are absent. */
export type GaugeSetter<Name extends Named<'gauge'>> = (
  labels: LabelsOf<Definitions[Name]>,
  value: number,
) => void;

export interface MetricsOptions {
  readonly kubeProxyNames: boolean;
  readonly isWebhook?: boolean;
}

/** Counting costs about a microsecond; anything slower is computed at each scrape (`collect`, `follow`). */
export class Metrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #collectors: (() => void)[] = [];
  readonly #loopDelay = new LoopDelaySampler();

  /**
   * @param kubeProxyNames false: without kube-proxy's metrics; their counts are dropped
   * @param isWebhook true: only the metrics of `knat webhook`
   */
  constructor({ kubeProxyNames, isWebhook = false }: MetricsOptions) {
    const agent = kubeProxyNames ? { ...knatMetrics, ...kubeProxyMetrics } : knatMetrics;
    const wanted: Readonly<Record<string, Definition>> = isWebhook ? webhookMetrics : agent;
    for (const [name, definition] of Object.entries(wanted)) this.#add(name, definition);
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: NEVER });
    this.#replaceLoopMetrics();
  }

  /** Samples the delay of the event loop until the signal aborts. */
  watchLoop(signal: AbortSignal): void {
    this.#loopDelay.run(signal);
  }

  increment<Name extends Named<'counter'>>(name: Name, labels: LabelsOf<Definitions[Name]>, by = 1): void {
    if (by > 0) this.#counters.get(name)?.inc(labels, by);
  }

  observe<Name extends Named<'histogram'>>(
    name: Name,
    labels: LabelsOf<Definitions[Name]>,
    value: number,
  ): void {
    this.#histograms.get(name)?.observe(labels, value);
  }

  /** At each scrape, the gauge has exactly the values that `tell` sets. */
  collect<Name extends Named<'gauge'>>(name: Name, tell: (set: GaugeSetter<Name>) => void): void {
    const gauge = this.#gauges.get(name);
    if (gauge === undefined) return;
    this.#collectors.push(() => {
      gauge.reset();
      tell((labels, value) => gauge.set(labels, value));
    });
  }

  /** At each scrape, raises the counter to `total`. */
  follow<Name extends Named<'counter'>>(
    name: Name,
    total: () => number,
    labels?: LabelsOf<Definitions[Name]>,
  ): void {
    let last = 0;
    this.#collectors.push(() => {
      const now = total();
      if (now > last) this.#counters.get(name)?.inc(labels ?? {}, now - last);
      last = now;
    });
  }

  /** Prometheus' text format 0.0.4. */
  async text(): Promise<{ readonly type: string; readonly body: string }> {
    for (const collect of this.#collectors) collect();
    return { type: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  async snapshot(): Promise<MetricSnapshot[]> {
    for (const collect of this.#collectors) collect();
    const all = await this.#registry.getMetricsAsJSON();
    return all.map(({ name, help, type, values }) => ({
      name,
      help,
      type: String(type) as MetricSnapshot['type'],
      values: values.map((each) => ({
        ...('metricName' in each ? { name: String(each.metricName) } : {}),
        labels: textLabels(each.labels),
        value: Number.isFinite(each.value) ? each.value : null,
      })),
    }));
  }

  #replaceLoopMetrics(): void {
    const gauges = Object.entries(loopMetrics).map(([name, [field, help]]) => {
      this.#registry.removeSingleMetric(name);
      return { field, gauge: new Gauge({ name, help, registers: [this.#registry] }) };
    });
    this.#collectors.push(() => {
      const delay = this.#loopDelay.take();
      for (const { field, gauge } of gauges) gauge.set(delay[field]);
    });
  }

  #add(name: string, { type, help, labels, buckets }: Definition): void {
    const labelNames = Object.keys(labels);
    const base = { name, help, labelNames, registers: [this.#registry] };
    if (type === 'counter') this.#counters.set(name, new Counter(base));
    else if (type === 'gauge') this.#gauges.set(name, new Gauge(base));
    else this.#histograms.set(name, new Histogram({ ...base, buckets: [...buckets] }));
    // Rates and alerts need a 0 for events that never happened.
    for (const each of combinations(labels)) {
      if (type === 'counter') this.#counters.get(name)?.inc(each, 0);
      else if (type === 'histogram') this.#histograms.get(name)?.zero(each);
    }
  }
}

function textLabels(labels: Partial<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));
}

/** Empty if a label's values are not listed. */
function combinations(labels: Definition['labels']): Record<string, string>[] {
  let all: Record<string, string>[] = [{}];
  for (const [label, values] of Object.entries(labels)) {
    if (!Array.isArray(values)) return [];
    all = all.flatMap((each) => values.map((value: string) => ({ ...each, [label]: value })));
  }
  return all;
}
