import { Anchor, Group, Select, Text, TextInput, Title } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { Link } from 'wouter';
import type { Entry } from '../../../src/forms/entries.ts';
import { becomes } from '../../../src/observe/api/entry-row.ts';
import { useEntries } from '../api/queries.ts';
import { explainHref } from '../explain-href.ts';
import { VirtualRows } from '../parts/virtual-rows.tsx';

const KINDS = [
  { value: 'frontend', label: 'Service frontends' },
  { value: 'binding', label: 'Pod bindings' },
  { value: 'source', label: 'Pod sources' },
  { value: '', label: 'everything' },
];

/** The plan's entries; the agent searches and pages them. */
export function EntriesPage() {
  const [text, setText] = useState('');
  const [kind, setKind] = useState('frontend');
  const [search] = useDebouncedValue(text.trim(), 250);
  const { data, error, hasNextPage, isFetching, fetchNextPage } = useEntries(kind, search);
  const entries = data?.pages.flatMap(({ items }) => items) ?? [];
  const total = data?.pages.at(-1)?.total ?? 0;
  return (
    <>
      <Group justify="space-between" mb="sm">
        <Title order={1} size="h3">
          Entries
        </Title>
        <Group gap="xs">
          <Text size="sm" c={error ? 'red' : 'dimmed'} role="status">
            {error ? error.message : `${total} fit`}
          </Text>
          <Select
            aria-label="which entries"
            size="xs"
            data={KINDS}
            value={kind}
            onChange={(value) => setKind(value ?? '')}
            allowDeselect={false}
          />
          <TextInput
            aria-label="search entries"
            placeholder="address, object, port name or endpoint"
            size="xs"
            w={280}
            value={text}
            onChange={({ currentTarget }) => setText(currentTarget.value)}
          />
        </Group>
      </Group>
      <VirtualRows
        label="entries"
        height="calc(100vh - 150px)"
        items={entries}
        keyOf={({ kind: its, key }) => `${its} ${key}`}
        onEnd={() => hasNextPage && !isFetching && void fetchNextPage()}
        columns={[
          { heading: 'what', width: '120px', cell: what },
          { heading: 'key', width: '3fr', cell: key },
          { heading: 'object', width: '2fr', cell: (entry) => ('owner' in entry ? entry.owner : '') },
          { heading: 'becomes', width: '4fr', cell: becomes },
        ]}
      />
    </>
  );
}

function what(entry: Entry): string {
  return entry.kind === 'ServiceFrontend' ? entry.origin : entry.kind;
}

/** A destination links to its explanation. */
function key(entry: Entry) {
  const destination = /^(.+)\/(TCP|UDP|SCTP)$/.exec(entry.key);
  if (destination === null || (entry.kind !== 'ServiceFrontend' && entry.kind !== 'PodBinding'))
    return entry.key;
  const [, to = '', proto = ''] = destination;
  return (
    <Anchor component={Link} size="sm" href={explainHref({ to, proto: proto.toLowerCase() })}>
      {entry.key}
    </Anchor>
  );
}
