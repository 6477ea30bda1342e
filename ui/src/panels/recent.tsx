import { Badge, ScrollArea, Stack, Text } from '@mantine/core';
import type { ActivityRecord } from '../../../src/forms/history.ts';
import { formatRef } from '../../../src/model/object.ts';
import { useActivity } from '../api/queries.ts';
import { timeOfDay } from '../format.ts';
import { Panel } from '../parts/panel.tsx';

const COLORS = { info: 'gray', warning: 'yellow', error: 'red' } as const;
const SHOWN = 100;

/** The newest first. */
export function Recent() {
  const { data, error, isLoading } = useActivity();
  const newest = [...(data?.items ?? [])].reverse().slice(0, SHOWN);
  return (
    <Panel
      title="Recent events"
      hint="what the agent did and found, the newest first"
      error={error}
      isLoading={isLoading}
      empty={newest.length === 0 ? 'nothing happened yet' : null}
    >
      <ScrollArea h="100%" type="auto" viewportProps={{ tabIndex: 0, 'aria-label': 'recent events' }}>
        <Stack gap={6}>
          {newest.map((item) => (
            <Line key={item.sequence} item={item} />
          ))}
        </Stack>
      </ScrollArea>
    </Panel>
  );
}

function Line({ item: { at, kind, severity, message, object, times } }: { item: ActivityRecord }) {
  return (
    <Text size="sm" component="div">
      <Text span c="dimmed" size="xs" mr={6}>
        {timeOfDay(at)}
      </Text>
      <Badge color={COLORS[severity]} variant="light" size="sm" tt="none" mr={6}>
        {kind}
        {times > 1 ? ` ×${times}` : ''}
      </Badge>
      {object === null ? '' : `${formatRef(object)}: `}
      {message}
    </Text>
  );
}
