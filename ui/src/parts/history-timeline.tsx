import { Anchor, Badge, Group, Text, Timeline } from '@mantine/core';
import { Link } from 'wouter';
import type { Effect, FieldChange, HistoryEntry, ObjectChange } from '../../../src/forms/journal.ts';
import { explainHref } from '../explain-href.ts';
import { ObjectCard } from './what-if-view.tsx';

const COLORS: Readonly<Record<string, string>> = { appeared: 'green', changed: 'blue', gone: 'red' };
const SEVERITIES: Readonly<Record<string, string>> = { info: 'gray', warning: 'yellow', error: 'red' };

/** Entries of the history, the newest first. */
export function HistoryTimeline({ items }: { items: readonly HistoryEntry[] }) {
  return (
    <Timeline mt="md" active={items.length} bulletSize={14} lineWidth={2} aria-label="history">
      {items.toReversed().map((entry, index) => (
        <Timeline.Item
          // biome-ignore lint/suspicious/noArrayIndexKey: events between two commits have the same position
          key={`${entry.position} ${index}`}
          title={
            <Text span size="sm" fw={600}>
              {entry.at}{' '}
              <Text span size="xs" c="dimmed">
                {entry.position}
              </Text>
            </Text>
          }
        >
          <Entry entry={entry} />
        </Timeline.Item>
      ))}
    </Timeline>
  );
}

function Entry({ entry }: { entry: HistoryEntry }) {
  const { event, changes, moreChanges, effects, moreEffects, packets, position } = entry;
  return (
    <>
      {event !== null && (
        <Text size="sm">
          <Badge color={SEVERITIES[event.severity] ?? 'gray'} variant="light" size="sm" tt="none" mr={6}>
            {event.kind}
          </Badge>
          {event.message}
        </Text>
      )}
      {changes.map((change) => (
        <Change key={change.object} change={change} />
      ))}
      <More count={moreChanges} of="objects" />
      {effects.map((effect) => (
        <EffectLine key={effect.key} effect={effect} position={position} />
      ))}
      <More count={moreEffects} of="effects" />
      {packets?.objects.map((object) => (
        <ObjectCard key={object.object} told={object} at={position} />
      ))}
      {packets?.objects.length === 0 && packets.notes.length === 0 && (
        <Text size="xs" c="dimmed">
          Every packet has the same fate as before.
        </Text>
      )}
      <More count={packets?.more ?? 0} of="objects whose packets changed" />
    </>
  );
}

function Change({ change: { object, what, by, fields } }: { change: ObjectChange }) {
  return (
    <Text size="sm" component="div">
      <What what={what} />
      {object}
      {by !== null && (
        <Text span c="dimmed" size="xs">
          {' '}
          by {by.manager}
        </Text>
      )}
      <Fields fields={fields} />
    </Text>
  );
}

function EffectLine({ effect, position }: { effect: Effect; position: string }) {
  const { key, what, fields } = effect;
  return (
    <Text size="sm" component="div" pl="md">
      → <What what={what} />
      {key}
      <Links tuple={key} position={position} />
      <Fields fields={fields} />
    </Text>
  );
}

/** Explain a packet to this address, before and after the change. */
function Links({ tuple, position }: { tuple: string; position: string }) {
  const [, to, proto] = /^(.+:\d+)\/(TCP|UDP|SCTP)$/.exec(tuple) ?? [];
  if (to === undefined || proto === undefined) return null;
  const [segment = '', commit = ''] = position.split('.');
  const href = (at: string) => explainHref({ to, proto: proto.toLowerCase(), at });
  return (
    <Group component="span" gap={6} display="inline-flex" ml={8}>
      {Number(commit) > 0 && (
        <Anchor component={Link} href={href(`${segment}.${Number(commit) - 1}`)} size="xs">
          explain before
        </Anchor>
      )}
      <Anchor component={Link} href={href(position)} size="xs">
        explain after
      </Anchor>
    </Group>
  );
}

function What({ what }: { what: string }) {
  return (
    <Badge color={COLORS[what] ?? 'gray'} variant="light" size="sm" tt="none" mr={6}>
      {what}
    </Badge>
  );
}

function Fields({ fields }: { fields: readonly FieldChange[] }) {
  return fields.map(({ field, before, after, added, removed }) => (
    <Text key={field} size="xs" pl="md" component="div">
      <Text span c="dimmed">
        {field}:{' '}
      </Text>
      {before !== null || after !== null ? `${before ?? 'none'} → ${after ?? 'none'}` : ''}
      {removed.map((item) => (
        <Text span c="red" key={`- ${item}`}>
          − {item}{' '}
        </Text>
      ))}
      {added.map((item) => (
        <Text span c="green" key={`+ ${item}`}>
          + {item}{' '}
        </Text>
      ))}
    </Text>
  ));
}

function More({ count, of }: { count: number; of: string }) {
  if (count === 0) return null;
  return (
    <Text size="xs" c="dimmed">
      and {count} more {of}
    </Text>
  );
}
