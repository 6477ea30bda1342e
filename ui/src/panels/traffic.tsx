import { useComputedColorScheme } from '@mantine/core';
import { useMemo } from 'react';
import type { FlowPairs } from '../../../src/forms/flows.ts';
import { useFlowPairs } from '../api/queries.ts';
import { Chart } from '../charts/chart.tsx';
import { count } from '../format.ts';
import { Panel } from '../parts/panel.tsx';
import { KIND_COLORS } from '../theme.ts';

/** The busiest frontends, bindings and pools, by the present connections. */
export function Traffic() {
  const { data, error, isLoading } = useFlowPairs();
  const color =
    useComputedColorScheme('light', { getInitialValueInEffect: false }) === 'dark' ? '#e9ecef' : '#212529';
  const option = useMemo(() => (data ? sankey(data, color) : {}), [data, color]);
  const hint = data
    ? `${count(data.flows)} translated connections${rate(data.newFlowsPerSecond)}${data.left > 0 ? `; ${data.left} quieter pairs are not shown` : ''}`
    : undefined;
  const empty = data && data.pairs.length === 0 ? 'no connection is translated at the moment' : null;
  return (
    <Panel
      title="Traffic"
      {...(hint === undefined ? {} : { hint })}
      height={380}
      error={error}
      isLoading={isLoading}
      empty={empty}
    >
      <Chart label={`connections: ${describe(data)}`} option={option} />
    </Panel>
  );
}

/** Empty after the first reading, which cannot tell what is new. */
function rate(newFlowsPerSecond: number | null): string {
  return newFlowsPerSecond === null ? '' : `, ${count(newFlowsPerSecond)} new a second`;
}

function describe(data: FlowPairs | undefined): string {
  return (data?.pairs ?? [])
    .slice(0, 5)
    .map(({ from, to, flows }) => `${from} to ${to}: ${flows}`)
    .join('; ');
}

/** Left: requested destination; right: answering endpoint. A name on both sides stays two nodes. */
function sankey({ pairs }: FlowPairs, color: string) {
  const nodes = new Map<
    string,
    { name: string; itemStyle: { color: string }; depth: number; label: { width: number } }
  >();
  const node = (name: string, depth: number, color: string) => {
    const id = `${depth} ${name}`;
    if (!nodes.has(id))
      nodes.set(id, { name: id, itemStyle: { color }, depth, label: { width: depth === 0 ? 380 : 210 } });
    return id;
  };
  const links = pairs.map(({ kind, from, to, flows, newFlowsPerSecond }) => ({
    source: node(from, 0, KIND_COLORS[kind] ?? '#868e96'),
    target: node(to, 1, '#adb5bd'),
    value: flows,
    rate: newFlowsPerSecond,
  }));
  return {
    tooltip: {
      formatter: ({
        data,
      }: {
        data: { source?: string; target?: string; value?: number; rate?: number | null; name?: string };
      }) =>
        data.source === undefined
          ? name(data.name ?? '')
          : `${name(data.source)} → ${name(data.target ?? '')}: ${data.value} connections${rate(data.rate ?? null)}`,
    },
    series: [
      {
        type: 'sankey',
        left: 8,
        right: 220,
        top: 8,
        bottom: 8,
        nodeGap: 6,
        draggable: false,
        data: [...nodes.values()],
        links,
        label: {
          formatter: ({ name: id }: { name: string }) => name(id),
          overflow: 'truncate',
          color,
          textBorderWidth: 0,
        },
        lineStyle: { color: 'source', opacity: 0.35 },
      },
    ],
  };
}

function name(id: string): string {
  return id.replace(/^\d /, '');
}
