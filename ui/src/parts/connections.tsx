import { Alert, Code, List } from '@mantine/core';
import type { WalkJson } from '../../../src/forms/walk.ts';

/** Existing connections to which the packet belongs, if they differ from what a new one would get. */
export function Connections({ walk }: { walk: WalkJson }) {
  const others = (walk.existing ?? []).filter(({ asPlanned }) => !asPlanned);
  if (others.length === 0 || walk.steps[0]?.rule === 'reply') return null;
  return (
    <Alert color="orange" title="Existing connections keep their translation" role="note">
      <List size="sm">
        {others.map(({ original, reply, direction }) => (
          <List.Item key={`${original.source} ${original.destination}`}>
            <Code>{`${original.source} → ${original.destination}`}</Code>{' '}
            {direction === 'reply'
              ? 'has this packet as a reply'
              : `goes to ${reply.source} as ${reply.destination}`}
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}
