import { Group, Paper, Text } from '@mantine/core';
import type { Summary } from '../../../src/forms/status.ts';
import { count, timeOfDay } from '../format.ts';

export function Numbers({ status }: { status: Summary | undefined }) {
  const { counts, programmed, findings } = status ?? {};
  const numbers = [
    { label: 'Service frontends', value: counts && count(counts.frontends) },
    { label: 'Pod bindings', value: counts && count(counts.bindings) },
    { label: 'pools', value: counts && count(counts.pools) },
    { label: 'conflicts', value: findings && count(findings.conflicts) },
    { label: 'last change of the kernel', value: programmed ? `${count(programmed.milliseconds)} ms` : '–' },
    { label: 'at', value: programmed ? timeOfDay(programmed.at) : '–' },
    { label: 'source', value: status?.source },
  ];
  return (
    <Group gap="sm" mb="md" component="dl" m={0}>
      {numbers.map(({ label, value = '…' }) => (
        <Paper withBorder px="md" py={6} key={label}>
          <Text component="dd" m={0} fw={600} maw={480} truncate title={value}>
            {value}
          </Text>
          <Text component="dt" size="xs" c="dimmed">
            {label}
          </Text>
        </Paper>
      ))}
    </Group>
  );
}
