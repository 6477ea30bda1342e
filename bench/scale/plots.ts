/** The plots of docs/performance.md: SVG, drawn by echarts without a browser. */
import { type EChartsOption, init } from 'echarts';
import { CASES } from './cases.ts';
import type { CaseResult, ChangesResult } from './results.ts';

const WIDTH = 760;
const LEGEND = { top: 30, left: 16 };
const OURS = '#2f6fdb';
const THEIRS = '#c2c7d0';
const LIMIT = '#c0392b';
const LINES = [OURS, '#d9822b', '#2a9d64'];

/** By the name of the file. */
export function plotsOf(results: readonly CaseResult[]): Map<string, string> {
  const plots = new Map<string, string>();
  const changing = results.flatMap(({ name, changes }) => (changes === null ? [] : [{ name, changes }]));
  const rolling = changing.filter(({ name }) => name.startsWith('churn-'));
  if (results.length > 0) plots.set('performance-start.svg', starts(results));
  if (changing.length > 0) plots.set('performance-latency.svg', latencies(changing));
  if (rolling.length > 0) plots.set('performance-cores.svg', cores(rolling));
  return plots;
}

interface Changing {
  readonly name: string;
  readonly changes: ChangesResult;
}

/** Bars on a logarithmic axis: ours in three parts that follow each other, the published ones beside them. */
function starts(results: readonly CaseResult[]): string {
  const names = [...results].reverse();
  const bar = { type: 'bar', barMaxWidth: 14, barGap: '10%' } as const;
  return draw(140 + 44 * names.length, {
    title: title('From the start of the agent until everything is in an empty kernel'),
    legend: LEGEND,
    xAxis: { type: 'log', name: 'seconds', nameLocation: 'middle', nameGap: 26, min: 1 },
    yAxis: { type: 'category', data: names.map(({ name }) => name) },
    series: [
      {
        ...bar,
        name: 'knat',
        itemStyle: { color: OURS },
        label: { show: true, position: 'right', formatter: secondsAt },
        data: names.map(({ cold }) => cold.ms / 1000),
      },
      {
        ...bar,
        name: 'kube-proxy, as published',
        itemStyle: { color: THEIRS },
        label: { show: true, position: 'insideRight', formatter: secondsAt },
        data: names.map(({ name }) => publishedSeconds(name) ?? '-'),
      },
    ],
  });
}

function publishedSeconds(name: string): number | undefined {
  return CASES.find((each) => each.name === name)?.peers[0]?.startSeconds;
}

function secondsAt({ value }: { readonly value?: unknown }): string {
  return `${Number(value).toFixed(1)} s`;
}

/** The share of changes that are in the kernel within a time. */
function latencies(changing: readonly Changing[]): string {
  return draw(390, {
    title: title('From the write of an object until the kernel has the change'),
    legend: LEGEND,
    xAxis: { type: 'log', name: 'milliseconds', nameLocation: 'middle', nameGap: 26 },
    yAxis: { type: 'value', name: '% of the changes', max: 100 },
    series: changing.map(({ name, changes }, index) => ({
      type: 'line',
      name,
      showSymbol: false,
      color: LINES[index % LINES.length] ?? OURS,
      lineStyle: { type: index < LINES.length ? 'solid' : 'dashed' },
      // The logarithm of 0 is none.
      data: changes.latencyCurve.map((ms, percent) => [Math.max(ms, 0.01), percent]),
      ...(index > 0 ? {} : { markLine: limitAt({ xAxis: 5 }, 'target for 99 %: 5 ms') }),
    })),
  });
}

function cores(rolling: readonly Changing[]): string {
  return draw(350, {
    title: title('Processors used by the agent during rolling updates'),
    legend: LEGEND,
    xAxis: { type: 'value', name: 'seconds', nameLocation: 'middle', nameGap: 26 },
    yAxis: { type: 'value', name: 'processors', min: 0 },
    series: rolling.map(({ name, changes }, index) => ({
      type: 'line',
      name,
      showSymbol: false,
      color: LINES[index % LINES.length] ?? OURS,
      data: changes.coresBySecond.map((each, second) => [second + 1, each]),
      ...(index > 0
        ? {}
        : {
            markLine: {
              ...limitAt({ yAxis: 0.1 }, 'target 0.10'),
              data: [
                { yAxis: 0.1, name: 'target 0.10' },
                { yAxis: 0.13, name: 'Cilium 1.18, 50 %: 0.13' },
              ],
            },
          }),
    })),
  });
}

function title(text: string) {
  return { text, left: 16, textStyle: { fontSize: 14 } };
}

function limitAt(where: { readonly xAxis: number } | { readonly yAxis: number }, name: string) {
  return {
    symbol: 'none',
    lineStyle: { color: LIMIT, type: 'dashed' as const },
    label: { formatter: '{b}', position: 'insideEndTop' as const },
    data: [{ ...where, name }],
  };
}

function draw(height: number, option: EChartsOption): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#ffffff',
      grid: { left: 28, right: 48, top: 92, bottom: 44, containLabel: true },
      ...option,
    });
    return `${chart.renderToSVGString()}\n`;
  } finally {
    chart.dispose();
  }
}

/** In the order of the table. */
export function inOrder(results: readonly CaseResult[]): CaseResult[] {
  return CASES.flatMap(({ name }) => results.filter((result) => result.name === name));
}
