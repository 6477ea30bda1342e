import { Alert, Badge, Card, Code, Group, Loader, Stack, Text, Timeline } from '@mantine/core';
import type { TraceLine, TracePacket, TraceStep } from '../../../src/forms/trace.ts';

const BAD: ReadonlySet<string> = new Set(['dropped', 'rejected', 'gone']);

/** The lines of a trace as they come. */
export function TraceView({ lines, isRunning }: { lines: readonly TraceLine[]; isRunning: boolean }) {
  return (
    <Stack mt="md" gap="md" role="log" aria-label="traced packets">
      {lines.map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines only follow each other
        <Line key={index} line={line} />
      ))}
      {isRunning && (
        <Group gap="xs">
          <Loader size="xs" />
          <Text size="sm" c="dimmed">
            waiting for packets
          </Text>
        </Group>
      )}
    </Stack>
  );
}

function Line({ line }: { line: TraceLine }) {
  switch (line.event) {
    case 'started':
      return (
        <Text size="sm">
          {line.protocol} {line.source} → {line.destination} on node {line.node}: at most {line.count}{' '}
          packets, {line.seconds} s.{' '}
          {line.explained !== null && <Said because={line.explained.way ?? line.explained.because} />}
        </Text>
      );
    case 'packet':
      return <PacketCard packet={line.packet} />;
    case 'waiting':
      return (
        <Text size="sm" c="dimmed">
          {line.matched} packets matched so far
        </Text>
      );
    case 'lost':
      return <Alert color="orange" title="The kernel told more than could be read: steps are missing" />;
    case 'end':
      return (
        <Text size="sm" c="dimmed">
          {line.packets === 0
            ? 'no packet came'
            : line.packets === 1
              ? '1 packet'
              : `${line.packets} packets`}
          {line.because === 'time' && ', and the time is over'}
          {line.more > 0 && `; ${line.more} more packets matched and were not shown`}
        </Text>
      );
    default:
      return line satisfies never;
  }
}

function Said({ because }: { because: string }) {
  return (
    <Text span c="dimmed" size="sm">
      Explain says: {because}
    </Text>
  );
}

function PacketCard({ packet }: { packet: TracePacket }) {
  const { number, protocol, details, before, after, outcome, differs, compared, isReply, connection } =
    packet;
  return (
    <Card withBorder component="section" aria-label={`packet ${number}`}>
      <Group gap="sm">
        <Badge color={BAD.has(outcome.kind) ? 'red' : 'green'} size="lg" tt="none">
          {outcome.kind}
        </Badge>
        <Code fz="sm">
          {protocol} {before.source} → {before.destination} {details}
        </Code>
        <Text size="sm" c="dimmed">
          {isReply ? 'reply, ' : ''}
          {packet.in === null ? 'sent by this node' : `in by ${packet.in}`}
          {connection !== null && `, ${connection.state ?? ''} connection ${connection.id ?? ''}`}
        </Text>
      </Group>
      {differs !== null && (
        <Alert color="red" mt="sm" title="Explain says something else" role="alert">
          {differs}
        </Alert>
      )}
      <Timeline mt="md" bulletSize={16} lineWidth={2}>
        {packet.steps.filter(isTold).map((step, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: steps have no name but their place
          <Timeline.Item key={index} title={<StepTitle step={step} />}>
            <Code fz="xs" {...(step.verdict === 'drop' ? { c: 'red' } : {})}>
              {step.rule ?? `rule ${step.handle}, which is gone`}
            </Code>
          </Timeline.Item>
        ))}
      </Timeline>
      <Text size="sm" mt="sm">
        <Code>
          {after.source} → {after.destination}
        </Code>{' '}
        {outcome.text}
        {compared && differs === null && '; Explain says the same'}
        {packet.incomplete && '; notifications were lost, so that steps may be missing'}
      </Text>
    </Card>
  );
}

/** What every packet meets and what changes nothing is left out, as in the lines of the command. */
function isTold({ handle, verdict }: TraceStep): boolean {
  return handle !== null || verdict === 'drop';
}

function StepTitle({ step: { hook, table, chain, object } }: { step: TraceStep }) {
  return (
    <Group gap={6}>
      <Badge variant="default" size="sm" tt="none">
        {hook}
      </Badge>
      <Text size="sm" c="dimmed">
        {table}, chain {chain}
      </Text>
      {object !== null && (
        <Text size="sm" fw={600}>
          {object}
        </Text>
      )}
    </Group>
  );
}
