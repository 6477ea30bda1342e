import { Badge, Group, Select, TextInput, Tooltip } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import type { FlowLine, FlowReport } from '../../../src/forms/flows.ts';
import { useFlows } from '../api/queries.ts';
import { Panel } from '../parts/panel.tsx';
import { VirtualRows } from '../parts/virtual-rows.tsx';
import { KIND_COLORS } from '../theme.ts';

const KINDS = [
  { value: '', label: 'every kind' },
  { value: 'service', label: 'Service NAT' },
  { value: 'pod', label: 'Pod NAT' },
  { value: 'egress', label: 'Egress NAT' },
  { value: 'stale', label: 'stale ones' },
];

/** The present connections of conntrack; the agent searches them. */
export function FlowTable() {
  const [text, setText] = useState('');
  const [kind, setKind] = useState('');
  const [search] = useDebouncedValue(text.trim(), 250);
  const filter = { search, ...(kind === 'stale' ? { stale: 'true' } : { kind }) };
  const { data, error, isLoading } = useFlows(filter);
  const flows = (data ?? []).flatMap((line) => ('end' in line ? [] : [line]));
  return (
    <Panel
      title="Flows"
      hint={hint(flows.length, data)}
      height={420}
      error={error}
      isLoading={isLoading}
      empty={data !== undefined && flows.length === 0 ? 'no translated connection matches' : null}
      right={
        <Group gap="xs" wrap="nowrap">
          <Select
            aria-label="which kind of NAT"
            size="xs"
            w={130}
            data={KINDS}
            value={kind}
            onChange={(value) => setKind(value ?? '')}
            allowDeselect={false}
          />
          <TextInput
            aria-label="search flows"
            placeholder="address, pod or service"
            size="xs"
            w={220}
            value={text}
            onChange={({ currentTarget }) => setText(currentTarget.value)}
          />
        </Group>
      }
    >
      <VirtualRows
        label="flows"
        height="100%"
        items={flows}
        keyOf={(flow) => `${flow.id} ${flow.protocol} ${flow.original.source} ${flow.original.destination}`}
        columns={[
          { heading: 'protocol', width: '70px', cell: ({ protocol }) => protocol },
          { heading: 'from', width: '3fr', cell: ({ from, original }) => named(from, original.source) },
          { heading: 'to', width: '3fr', cell: ({ original }) => original.destination },
          { heading: 'answered by', width: '3fr', cell: ({ to, reply }) => named(to, reply.source) },
          { heading: 'seen as', width: '2fr', cell: ({ sourceNat }) => sourceNat?.address ?? 'itself' },
          { heading: 'NAT', width: '2fr', cell: (flow) => <Nat flow={flow} /> },
        ]}
      />
    </Panel>
  );
}

function hint(shown: number, data: readonly FlowLine[] | undefined): string {
  const last = data?.at(-1);
  if (last === undefined || !('end' in last)) return 'present connections';
  return last.end.cut ? `the first ${shown}: search for others` : `${shown} connections`;
}

function named(name: string | null, address: string): string {
  return name === null ? address : `${name} (${address})`;
}

function Nat({ flow: { destinationNat, sourceNat, stale } }: { flow: FlowReport }) {
  const nat = destinationNat ?? sourceNat;
  return (
    <Group gap={4} wrap="nowrap">
      {nat !== null && (
        <Badge size="sm" variant="light" tt="none" color={KIND_COLORS[nat.kind] ?? 'gray'}>
          {nat.object ?? nat.kind}
        </Badge>
      )}
      {stale !== null && (
        <Tooltip label={stale}>
          <Badge size="sm" color="orange" tt="none">
            stale
          </Badge>
        </Tooltip>
      )}
    </Group>
  );
}
