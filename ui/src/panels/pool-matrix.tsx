import { useMemo } from 'react';
import type { PoolMatrix as Matrix, Pool } from '../../../src/forms/entries.ts';
import { usePoolMatrix } from '../api/queries.ts';
import { Chart } from '../charts/chart.tsx';
import { Panel } from '../parts/panel.tsx';

/** Source × destination: does a pod of this pool leave with another address? */
export function PoolMatrix() {
  const { data, error, isLoading } = usePoolMatrix();
  const option = useMemo(() => (data ? optionOf(data) : {}), [data]);
  const { total = 0, pools = [] } = data ?? {};
  return (
    <Panel
      title="Egress: NAT or not"
      hint={
        total > pools.length
          ? `the first ${pools.length} of ${total} pools`
          : 'from a pool (rows) to a pool or the outside (columns)'
      }
      error={error}
      isLoading={isLoading}
      empty={total === 0 ? 'there are no pools: nothing is masqueraded for pods' : null}
    >
      <Chart label={describe(data)} option={option} />
    </Panel>
  );
}

type Verdict = Matrix['rows'][number]['towards'][number]['verdict'];

/** The agent's verdict on packets from a pool to a pool, or to the outside; null: the families differ. */
function verdictOf({ rows }: Matrix, from: Pool, to: Pool | null): Verdict | null {
  const { towards = [] } = rows.find(({ pool }) => pool === from.name) ?? {};
  return towards.find(({ pool }) => pool === (to?.name ?? null))?.verdict ?? null;
}

const TEXTS: Readonly<Record<Verdict, string>> = {
  keep: 'no NAT',
  masquerade: 'NAT',
  snat: 'NAT to natOutgoingAddress',
  drop: 'dropped',
};

function describe(matrix: Matrix | undefined): string {
  if (matrix === undefined) return '';
  const nated = matrix.pools.filter((pool) => verdictOf(matrix, pool, null) !== 'keep');
  return nated.length === 0
    ? 'no pool is translated'
    : `to the outside, NAT of ${nated.map(({ name }) => name).join(', ')}`;
}

function optionOf(matrix: Matrix) {
  const { pools: rows } = matrix;
  const columns: (Pool | null)[] = [...rows, null];
  const label = (pool: Pool | null) =>
    pool === null ? 'outside' : `${pool.name}${pool.disabled ? ' (disabled)' : ''}`;
  const level = (from: Pool, to: Pool | null) => {
    const verdict = verdictOf(matrix, from, to);
    return verdict === null ? -1 : verdict === 'keep' ? 0 : 1;
  };
  return {
    grid: { left: 8, right: 8, top: 8, bottom: 8, containLabel: true },
    tooltip: {
      formatter: ({ value }: { value: readonly [number, number, number] }) => {
        const [x, y] = value;
        const [from, to] = [rows[y], columns[x] ?? null];
        if (from === undefined) return '';
        const verdict = verdictOf(matrix, from, to);
        const text = verdict === null ? 'other family' : TEXTS[verdict];
        return `${label(from)} ${from.cidr} → ${label(to)}${to === null ? '' : ` ${to.cidr}`}: ${text}`;
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
        data: rows.flatMap((from, y) => columns.map((to, x) => [x, y, level(from, to)])),
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
