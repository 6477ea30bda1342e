import { useMemo } from 'react';
import type { Pool, Pools } from '../../../src/forms/entries.ts';
import { usePools } from '../api/queries.ts';
import { Chart } from '../charts/chart.tsx';
import { Panel } from '../parts/panel.tsx';

/** More pools than these would be dots: those that count are drawn first. */
const DRAWN = 24;

/** Source × destination: does a pod of this pool leave with another address? */
export function PoolMatrix() {
  const { data, error, isLoading } = usePools();
  const option = useMemo(() => (data ? matrix(data) : {}), [data]);
  const count = data?.items.length ?? 0;
  return (
    <Panel
      title="Egress: NAT or not"
      hint={
        count > DRAWN
          ? `the first ${DRAWN} of ${count} pools`
          : 'from a pool (rows) to a pool or the outside (columns)'
      }
      error={error}
      isLoading={isLoading}
      empty={count === 0 ? 'there are no pools: nothing is masqueraded for pods' : null}
    >
      <Chart label={describe(data)} option={option} />
    </Panel>
  );
}

function drawn({ items }: Pools): readonly Pool[] {
  return [...items].sort((a, b) => Number(b.natOutgoing) - Number(a.natOutgoing)).slice(0, DRAWN);
}

/** docs/spec/egress-nat.md, "The decision": from a pool with natOutgoing to whatever no pool holds. */
function decision(from: Pool, to: Pool | null): 'NAT' | 'no NAT' | 'other family' {
  if (to !== null && to.family !== from.family) return 'other family';
  if (!from.natOutgoing) return 'no NAT';
  return to === null || to.loadBalancerOnly ? 'NAT' : 'no NAT';
}

function describe(pools: Pools | undefined): string {
  const nated = (pools?.items ?? []).filter(({ natOutgoing }) => natOutgoing).map(({ name }) => name);
  return nated.length === 0
    ? 'no pool is NATed from'
    : `towards the outside NAT from ${nated.join(', ')}; between pools no NAT`;
}

function matrix(pools: Pools) {
  const rows = drawn(pools);
  const columns: (Pool | null)[] = [...rows, null];
  const label = (pool: Pool | null) =>
    pool === null ? 'outside' : `${pool.name}${pool.disabled ? ' (disabled)' : ''}`;
  const levels = { NAT: 1, 'no NAT': 0, 'other family': -1 } as const;
  return {
    grid: { left: 8, right: 8, top: 8, bottom: 8, containLabel: true },
    tooltip: {
      formatter: ({ value }: { value: readonly [number, number, number] }) => {
        const [x, y] = value;
        const [from, to] = [rows[y], columns[x] ?? null];
        if (from === undefined) return '';
        return `${label(from)} ${from.cidr} → ${label(to)}${to === null ? '' : ` ${to.cidr}`}: ${decision(from, to)}`;
      },
    },
    xAxis: {
      type: 'category',
      data: columns.map(label),
      axisLabel: { interval: 0, rotate: columns.length > 3 ? 30 : 0 },
    },
    yAxis: { type: 'category', data: rows.map(label), inverse: true },
    visualMap: {
      show: false,
      type: 'piecewise',
      pieces: [
        { value: 1, color: '#fab005' },
        { value: 0, color: '#74c0fc' },
        { value: -1, color: 'rgba(134,142,150,0.15)' },
      ],
    },
    series: [
      {
        type: 'heatmap',
        data: rows.flatMap((from, y) => columns.map((to, x) => [x, y, levels[decision(from, to)]])),
        itemStyle: { borderWidth: 2, borderColor: 'rgba(134,142,150,0.4)' },
        label: {
          show: rows.length <= 8,
          color: '#212529',
          formatter: ({ value }: { value: readonly number[] }) =>
            value[2] === 1 ? 'NAT' : value[2] === 0 ? 'no' : '',
        },
      },
    ],
  };
}
