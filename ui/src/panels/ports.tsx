import { useMemo } from 'react';
import { usePortUsage } from '../api/queries.ts';
import type { PortUsageSample } from '../api/types.ts';
import { Chart } from '../charts/chart.tsx';
import { count } from '../format.ts';
import { Panel } from '../parts/panel.tsx';

const SHOWN = 3;

/** How full the ports of the fullest (protocol, SNAT address, destination, port) are. */
export function Ports() {
  const { data, error, isLoading } = usePortUsage();
  const option = useMemo(() => gauges(data ?? null), [data]);
  const fullest = data?.tuples[0];
  return (
    <Panel
      title="Port exhaustion"
      hint={
        fullest === undefined
          ? 'source ports left for connections that leave with a shared address'
          : `fullest: ${fullest.address} → ${fullest.destination}:${fullest.destinationPort}/${fullest.protocol}, ${count(fullest.used)} of ${count(fullest.capacity)} ports${fullest.sources.length > 0 ? `, most by ${fullest.sources[0]?.name}` : ''}`
      }
      error={error}
      isLoading={isLoading}
      empty={
        data === null || fullest === undefined
          ? 'no connection leaves with a shared address at the moment'
          : null
      }
    >
      <Chart
        label={
          fullest === undefined ? 'no ports in use' : `the fullest tuple is ${percent(fullest.share)} full`
        }
        option={option}
      />
    </Panel>
  );
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}

function gauges(sample: PortUsageSample | null) {
  const tuples = (sample?.tuples ?? []).slice(0, SHOWN);
  return {
    tooltip: { formatter: '{b}' },
    series: tuples.map(({ address, destination, destinationPort, protocol, share }, index) => ({
      type: 'gauge',
      center: [`${((index + 0.5) / tuples.length) * 100}%`, '58%'],
      radius: `${tuples.length === 1 ? 85 : 62}%`,
      min: 0,
      max: 100,
      axisLine: {
        lineStyle: {
          width: 12,
          color: [
            [0.7, '#12b886'],
            [0.9, '#fab005'],
            [1, '#fa5252'],
          ],
        },
      },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: { show: false },
      pointer: { width: 4 },
      title: { offsetCenter: [0, '92%'], fontSize: 11, width: 170, overflow: 'truncate' },
      detail: { formatter: () => percent(share), fontSize: 16, offsetCenter: [0, '55%'] },
      data: [{ value: share * 100, name: `${address} → ${destination}:${destinationPort}/${protocol}` }],
    })),
  };
}
