import { Alert, Anchor, Card, List, Stack, Table, Text, Title } from '@mantine/core';
import { Link } from 'wouter';
import type { ToldObject, ToldPackets, WhatIfSummary } from '../../../src/forms/what-if.ts';
import { explainHref } from '../explain-href.ts';

/** What a change does to packets, by object. */
export function WhatIfView({ answer }: { answer: WhatIfSummary }) {
  const { objects, more, claims, moreClaims, connections, unknown, moreUnknown, nodes } = answer;
  return (
    <Stack mt="md" gap="md">
      {objects.length === 0 && (
        <Alert color="green" title="Nothing changes" role="status">
          Every packet has the same fate as before on node {nodes.join(', ')}.
        </Alert>
      )}
      {objects.map((object) => (
        <ObjectCard key={object.object} told={object} />
      ))}
      <LeftOut count={more} what="objects" />
      {claims.map(({ key, before, after }) => (
        <Alert color="orange" key={key} title={`${key} is claimed by several objects`}>
          before: {winnerOf(before)}; after: {winnerOf(after)}
        </Alert>
      ))}
      <LeftOut count={moreClaims} what="claims" />
      {connections !== null && <Connections connections={connections} />}
      {unknown.length > 0 && (
        <div>
          <Title order={2} size="h5">
            Not in these lines
          </Title>
          <List size="sm" c="dimmed">
            {unknown.map(({ about, reason }) => (
              <List.Item key={`${about} ${reason}`}>{reason}</List.Item>
            ))}
          </List>
          <LeftOut count={moreUnknown} what="notes" />
        </div>
      )}
    </Stack>
  );
}

function winnerOf(claim: WhatIfSummary['claims'][number]['before']): string {
  if (claim === null) return 'at most one object wants it';
  const { kind, namespace, name } = claim.winner;
  return `${kind} ${namespace === '' ? name : `${namespace}/${name}`} has it (${claim.because})`;
}

/** @param at a moment of the past for the links to explain; absent: now */
export function ObjectCard({
  told: { object, lines, more },
  at,
}: {
  told: ToldObject;
  at?: string | undefined;
}) {
  const title = object ?? 'No object';
  return (
    <Card withBorder component="section" aria-label={title}>
      <Text fw={600}>{title}</Text>
      <Table verticalSpacing={4} aria-label={`packets of ${title}`}>
        <Table.Thead>
          <Table.Tr>
            {['From', 'To', 'Before', 'After', ''].map((heading) => (
              <Table.Th key={heading}>{heading}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {lines.map((line) => (
            <Row key={`${line.from} ${line.to} ${line.ports}`} line={line} at={at} />
          ))}
        </Table.Tbody>
      </Table>
      <LeftOut count={more} what="lines" />
    </Card>
  );
}

function Row({ line, at }: { line: ToldPackets; at: string | undefined }) {
  const { from, to, ports, before, after, because, example } = line;
  return (
    <Table.Tr>
      <Table.Td>{from}</Table.Td>
      <Table.Td>
        {to}, {ports}
      </Table.Td>
      <Table.Td title={because.before}>{before}</Table.Td>
      <Table.Td title={because.after} fw={600}>
        {after}
      </Table.Td>
      <Table.Td>
        <Anchor component={Link} href={explainHref({ ...example, at })} size="sm">
          explain
        </Anchor>
      </Table.Td>
    </Table.Tr>
  );
}

function Connections({
  connections: { count, busiest },
}: {
  connections: NonNullable<WhatIfSummary['connections']>;
}) {
  return (
    <div>
      <Title order={2} size="h5">
        {count} existing {count === 1 ? 'connection' : 'connections'} of these packets, with the former
        translation
      </Title>
      <List size="sm">
        {busiest.map(({ protocol, source, destination, from, to, bytes, object }) => (
          <List.Item key={`${protocol} ${source} ${destination}`}>
            {protocol} {source} → {destination}
            {from === null && to === null ? '' : ` (${from ?? source} to ${to ?? destination})`}
            {bytes === null ? '' : `, ${bytes} bytes`}
            {object === null ? '' : `: ${object}`}
          </List.Item>
        ))}
      </List>
    </div>
  );
}

function LeftOut({ count, what }: { count: number; what: string }) {
  if (count === 0) return null;
  return (
    <Text c="dimmed" size="sm">
      and {count} more {what}: knat what-if --all shows everything
    </Text>
  );
}
