import { Group, Progress, ScrollArea, Stack, Text } from '@mantine/core';
import type { PortUsage } from '../../../src/forms/flows.ts';
import { formatEndpoint } from '../../../src/net/address.ts';
import { usePortUsage } from '../api/queries.ts';
import { Panel } from '../parts/panel.tsx';
import { LEVEL_COLORS } from '../theme.ts';

/** Port use per (protocol, source address, destination, port); the fullest first. */
export function Ports() {
  const { data, error, isLoading } = usePortUsage();
  const tuples = data?.tuples ?? [];
  return (
    <Panel
      title="Port exhaustion"
      hint="source ports taken, by address, destination and port"
      error={error}
      isLoading={isLoading}
      empty={tuples.length === 0 ? 'no connection used a shared address when the agent last counted' : null}
    >
      <ScrollArea h="100%" type="auto" viewportProps={{ tabIndex: 0, 'aria-label': 'source ports taken' }}>
        <Stack gap="sm" pt={4} pr="md">
          {tuples.map((tuple) => (
            <PortGauge key={nameOf(tuple)} tuple={tuple} />
          ))}
        </Stack>
      </ScrollArea>
    </Panel>
  );
}

function PortGauge({ tuple }: { tuple: PortUsage }) {
  const { address, used, capacity, share, level, sources } = tuple;
  const [most] = sources;
  return (
    <div>
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <Text size="sm" truncate title={nameOf(tuple)}>
          → {destinationOf(tuple)}
        </Text>
        <Text size="sm" fw={600} style={{ whiteSpace: 'nowrap' }}>
          {percent(share)}
        </Text>
      </Group>
      <Progress value={share * 100} color={LEVEL_COLORS[level]} aria-label={`ports of ${nameOf(tuple)}`} />
      <Text size="xs" c="dimmed" truncate>
        {used.toLocaleString('en')} of {capacity.toLocaleString('en')} ports of {address}
        {most === undefined ? '' : `, most by ${most.name}`}
      </Text>
    </div>
  );
}

function percent(share: number): string {
  return share < 0.001 ? '< 0.1 %' : `${Math.round(share * 1000) / 10} %`;
}

function destinationOf({ destination, destinationPort, protocol }: PortUsage): string {
  return `${formatEndpoint(destination, destinationPort)}/${protocol}`;
}

function nameOf(tuple: PortUsage): string {
  return `${tuple.address} → ${destinationOf(tuple)}`;
}
