import { Alert, Badge, Button, Card, Code, Group, List, Stack, Text, Timeline, Title } from '@mantine/core';
import { useState } from 'react';
import type { WalkJson, WalkPacket, WalkPath, WalkStep } from '../../../src/forms/walk.ts';
import { Connections } from './connections.tsx';
import { place } from './place.ts';
import { WayView } from './way-view.tsx';

const VERDICTS: Readonly<Record<string, { color: string; text: string }>> = {
  dnat: { color: 'blue', text: 'the destination is rewritten' },
  snat: { color: 'yellow', text: 'the source is rewritten' },
  none: { color: 'gray', text: 'knat does not change it' },
  drop: { color: 'red', text: 'dropped' },
  reject: { color: 'red', text: 'refused' },
};

/** Rules that do not match are listed up to this number, as in the lines of the command. */
const LISTED = 3;

/** Further paths are only counted. */
const PATHS = 12;

/** A packet's way, step by step: first the decision about the destination, then each path. */
export function WalkView({ walk }: { walk: WalkJson }) {
  const verdict = VERDICTS[walk.verdict] ?? { color: 'gray', text: walk.verdict };
  const { source, sourcePort, destination, port, protocol } = walk.packet;
  return (
    <Stack mt="md" gap="md">
      <Card withBorder>
        <Group gap="sm">
          <Badge color={verdict.color} size="lg" tt="none">
            {walk.verdict}
          </Badge>
          <Code fz="sm">
            {protocol} {source}
            {sourcePort === null ? '' : `:${sourcePort}`} → {place(destination, port)}
          </Code>
          <Text size="sm">
            {verdict.text}, on node {walk.node}
          </Text>
        </Group>
        <Steps steps={walk.steps} />
      </Card>
      {walk.conflicts.map(({ key, winner, losers, because }) => (
        <Alert color="orange" key={key} title={`${key} was also claimed by ${losers.join(', ')}`}>
          {winner} has it: {because}
        </Alert>
      ))}
      <Group align="stretch" gap="md">
        {walk.paths.slice(0, PATHS).map((path) => (
          <PathCard key={path.endpoint} path={path} isChoice={walk.paths.length > 1} />
        ))}
      </Group>
      {walk.paths.length > PATHS && <Text c="dimmed">and {walk.paths.length - PATHS} more endpoints</Text>}
      {walk.way !== null && <WayView way={walk.way} />}
      <Connections walk={walk} />
      {walk.hints.length > 0 && (
        <Alert color="blue" title="Did you mean?" role="note">
          <List size="sm">
            {walk.hints.map(({ object, reason }) => (
              <List.Item key={`${object} ${reason}`}>
                {object !== null && <strong>{object}: </strong>}
                {reason}
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
      {walk.unknown.length > 0 && (
        <div>
          <Title order={2} size="h5">
            Not known
          </Title>
          <List size="sm" c="dimmed">
            {walk.unknown.map(({ about, reason }) => (
              <List.Item key={about}>{reason}</List.Item>
            ))}
          </List>
        </div>
      )}
    </Stack>
  );
}

function Steps({ steps: all }: { steps: readonly WalkStep[] }) {
  const [isWhole, setWhole] = useState(false);
  const deciding = all.filter(({ decides }) => decides);
  const folded = all.length - deciding.length;
  const isFolded = !isWhole && folded > LISTED;
  const steps = isFolded ? deciding : all;
  return (
    <>
      <StepLine steps={steps} />
      {isFolded && (
        <Button variant="subtle" size="compact-xs" mt="xs" onClick={() => setWhole(true)}>
          {folded} other rules do not match: show all
        </Button>
      )}
    </>
  );
}

function StepLine({ steps }: { steps: readonly WalkStep[] }) {
  return (
    <Timeline mt="md" active={steps.length} bulletSize={18} lineWidth={2}>
      {steps.map((step, index) => (
        <Timeline.Item
          // biome-ignore lint/suspicious/noArrayIndexKey: steps have no name but their place
          key={index}
          title={
            <Group gap={6}>
              <Badge variant="default" size="sm" tt="none">
                {step.hook}
              </Badge>
              <Text size="sm" fw={600}>
                {step.object ?? step.rule}
              </Text>
            </Group>
          }
        >
          <Text size="sm">{step.reason}</Text>
          <Rewrite step={step} />
        </Timeline.Item>
      ))}
    </Timeline>
  );
}

/** Before and after, if they differ. */
function Rewrite({ step: { before, after } }: { step: WalkStep }) {
  const [only, second] = after;
  if (only === undefined || second !== undefined || same(before, only)) return null;
  return (
    <Text size="xs" c="dimmed" component="div">
      <Code>{packet(before)}</Code> becomes <Code>{packet(only)}</Code>
    </Text>
  );
}

function PathCard({ path, isChoice }: { path: WalkPath; isChoice: boolean }) {
  const { endpoint, steps, after, reply } = path;
  return (
    <Card withBorder style={{ flex: '1 1 400px' }} component="section" aria-label={`way to ${endpoint}`}>
      <Text fw={600}>
        {isChoice ? 'may go to ' : 'goes to '}
        {endpoint}
      </Text>
      <Steps steps={steps} />
      <Text size="sm" mt="sm">
        leaves as <Code>{packet(after)}</Code>
      </Text>
      <Text size="sm">
        reply <Code>{`${reply.sent.from} → ${reply.sent.to === 'node' ? 'this node' : reply.sent.to}`}</Code>,
        which the sender sees from <Code>{reply.seen.from}</Code>
      </Text>
    </Card>
  );
}

function same(a: WalkPacket, b: WalkPacket): boolean {
  return a.source === b.source && a.destination === b.destination && a.port === b.port;
}

function packet({ source, destination, port, protocol }: WalkPacket): string {
  return `${protocol} ${source === 'node' ? 'this node' : source} → ${place(destination, port)}`;
}
