import { Badge, Text, Tooltip } from '@mantine/core';
import { useMemo } from 'react';
import type { Entry } from '../../../src/forms/entries.ts';
import type { Conflict } from '../../../src/forms/findings.ts';
import { formatRef } from '../../../src/model/object.ts';
import { useConflicts, useEntries } from '../api/queries.ts';
import { Panel } from '../parts/panel.tsx';
import { VirtualRows } from '../parts/virtual-rows.tsx';

interface Row {
  readonly key: string;
  readonly owner: string;
  readonly endpoint: string;
  readonly conflict: Conflict | null;
}

/** Node addresses and ports that lead to a pod, and the conflicts about them. */
export function Bindings() {
  const bindings = useEntries('binding', '');
  const conflicts = useConflicts();
  const rows = useMemo(
    () => rowsOf(bindings.data?.pages.flatMap(({ items }) => items) ?? [], conflicts.data?.items ?? []),
    [bindings.data, conflicts.data],
  );
  return (
    <Panel
      title="Pod bindings and conflicts"
      hint="addresses and ports of this node that lead straight to a pod"
      height={380}
      error={bindings.error ?? conflicts.error}
      isLoading={bindings.isLoading}
      empty={rows.length === 0 ? 'there are no bindings and no conflicts' : null}
    >
      <VirtualRows
        label="Pod bindings and conflicts"
        height="100%"
        items={rows}
        keyOf={({ key }) => key}
        onEnd={() => bindings.hasNextPage && void bindings.fetchNextPage()}
        columns={[
          { heading: 'address', width: '5fr', cell: ({ key }) => key },
          { heading: 'object', width: '3fr', cell: ({ owner }) => owner },
          { heading: 'to', width: '4fr', cell: ({ endpoint }) => endpoint },
          { heading: 'conflict', width: '70px', cell: ({ conflict }) => <Loser conflict={conflict} /> },
        ]}
      />
    </Panel>
  );
}

function Loser({ conflict }: { conflict: Conflict | null }) {
  if (conflict === null)
    return (
      <Text size="xs" c="dimmed">
        none
      </Text>
    );
  const losers = conflict.losers.map(formatRef).join(', ');
  return (
    <Tooltip
      multiline
      maw={420}
      label={`also claimed by ${losers}; ${formatRef(conflict.winner)} owns it: ${conflict.because}`}
    >
      <Badge color="orange" variant="light" tt="none" tabIndex={0}>
        {conflict.losers.length} lost
      </Badge>
    </Tooltip>
  );
}

function rowsOf(entries: readonly Entry[], conflicts: readonly Conflict[]): Row[] {
  const left = new Map(conflicts.map((conflict) => [conflict.key, conflict]));
  const rows = entries
    .filter((entry) => entry.kind === 'PodBinding')
    .map(({ key, owner, endpoint }): Row => {
      const conflict = left.get(key) ?? null;
      left.delete(key);
      return { key, owner, endpoint, conflict };
    });
  const others = [...left.values()].map((conflict): Row => {
    return { key: conflict.key, owner: formatRef(conflict.winner), endpoint: '', conflict };
  });
  return [...others, ...rows].sort((a, b) => Number(b.conflict !== null) - Number(a.conflict !== null));
}
