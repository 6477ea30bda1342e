import { Alert, Badge, Card, Code, Group, List, Stack, Text } from '@mantine/core';
import type { WalkJson } from '../../../src/forms/walk.ts';
import { place } from './place.ts';

type Way = NonNullable<WalkJson['way']>;
type WayEnd = Way['ends'][number];
type ForeignRule = WayEnd['rules'][number]['rule'];

/** Ends that are shown; the JSON form has all. */
const MOST_ENDS = 8;

const FATES: Readonly<Record<WayEnd['fate'], { color: string; text: string }>> = {
  sent: { color: 'green', text: 'leaves this node' },
  delivered: { color: 'green', text: 'reaches this node itself' },
  dropped: { color: 'red', text: 'dropped' },
  rejected: { color: 'red', text: 'refused' },
  unknown: { color: 'gray', text: 'not known' },
};

/** The way through the kernel, with rules of other programs and routing. */
export function WayView({ way }: { way: Way }) {
  const { input, ends, limits } = way;
  return (
    <Card withBorder component="section" aria-label="way through the kernel">
      <Group gap="sm">
        <Text fw={600}>Through the kernel</Text>
        <Badge variant="default" tt="none">
          {way.verdict}
        </Badge>
        {input !== null && (
          <Text size="sm" c="dimmed">
            in by {input.interface}
            {input.assumed ? ', the interface by which the sender is reached' : ''}
          </Text>
        )}
      </Group>
      <Stack gap="sm" mt="sm">
        {ends.slice(0, MOST_ENDS).map((end) => (
          <End key={JSON.stringify(end)} end={end} />
        ))}
        {ends.length > MOST_ENDS && <Text c="dimmed">and {ends.length - MOST_ENDS} more</Text>}
      </Stack>
      {limits.length > 0 && (
        <Alert color="orange" title="Not examined" mt="sm">
          {limits.join('; ')}
        </Alert>
      )}
    </Card>
  );
}

function End({ end }: { end: WayEnd }) {
  const { fate, assumes, rules, after, by, because, output } = end;
  const { color, text } = FATES[fate];
  return (
    <div>
      {assumes.map(({ dependsOn, rule }) => (
        <Text size="sm" key={`${dependsOn} ${rule.text}`}>
          If it matches (depends on {dependsOn}): <Rule rule={rule} />
        </Text>
      ))}
      <Group gap="xs">
        <Badge color={color} tt="none">
          {text}
        </Badge>
        <Code>
          {after.source === 'node' ? 'this node' : after.source} → {/* Port 0: ICMP, or not known. */}
          {place(after.destination, after.port)}
        </Code>
        {output !== null && <Text size="sm">by {output}</Text>}
        {because !== '' && <Text size="sm">{because}</Text>}
      </Group>
      <List size="sm">
        {rules.map(({ hook, rule, effect }) => (
          <List.Item key={`${hook} ${rule.chain} ${rule.text}`}>
            {hook}, {effect}: <Rule rule={rule} />
          </List.Item>
        ))}
        {by !== null && rules.every(({ rule }) => rule.text !== by.text) && (
          <List.Item>
            by <Rule rule={by} />
          </List.Item>
        )}
      </List>
    </div>
  );
}

function Rule({ rule: { program, chain, table, text } }: { rule: ForeignRule }) {
  return (
    <>
      {program ?? 'a rule of another program'} (chain {chain} of {table}) <Code>{text}</Code>
    </>
  );
}
