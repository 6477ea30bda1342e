import { useMemo } from 'react';
import type { History } from '../../../src/forms/history.ts';
import { useHistory } from '../api/queries.ts';
import { Chart } from '../charts/chart.tsx';
import { Panel } from '../parts/panel.tsx';

/** Duration of programming over the last hour. */
export function SyncLatency() {
  const { data, error, isLoading } = useHistory();
  const option = useMemo(() => (data ? lines(data) : {}), [data]);
  return (
    <Panel
      title="Sync latency"
      hint={data ? `mean and slowest change in each ${data.spanSeconds} s of the last hour` : 'the last hour'}
      error={error}
      isLoading={isLoading}
      empty={data?.items.length === 0 ? 'the kernel was not changed in the last hour' : null}
    >
      <Chart label={describe(data)} option={option} />
    </Panel>
  );
}

const HOUR = 3_600_000;

function describe(history: History | undefined): string {
  const slowest = Math.max(0, ...(history?.items ?? []).map(({ maxMilliseconds }) => maxMilliseconds ?? 0));
  return `the slowest change of the last hour took ${slowest} ms`;
}

function lines({ items }: History) {
  const at = ({ at: time }: History['items'][number]) => new Date(time).getTime();
  const now = Date.now();
  return {
    grid: { left: 8, right: 16, top: 12, bottom: 8, containLabel: true },
    tooltip: { trigger: 'axis' },
    xAxis: { type: 'time', min: now - HOUR, max: now, splitNumber: 4, axisLabel: { hideOverlap: true } },
    yAxis: { type: 'log', axisLabel: { formatter: '{value} ms' } },
    series: [
      {
        name: 'mean',
        type: 'line',
        showSymbol: true,
        symbolSize: 4,
        data: items.map((item) => [at(item), positive(item.meanMilliseconds)]),
      },
      {
        name: 'slowest',
        type: 'line',
        lineStyle: { type: 'dashed', width: 1 },
        symbolSize: 6,
        data: items.map((item) => [at(item), positive(item.maxMilliseconds)]),
      },
    ],
  };
}

/** A logarithmic axis has no zero. */
function positive(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.max(0.01, milliseconds);
}
