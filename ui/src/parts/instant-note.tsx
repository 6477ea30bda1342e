import { Alert, List } from '@mantine/core';
import type { InstantJson } from '../../../src/forms/instant.ts';

/** The moment of the past that an answer is about. */
export function InstantNote({ instant: { position, since, until, notes } }: { instant: InstantJson }) {
  const span = until === null ? `in force since ${since}` : `in force from ${since} until ${until}`;
  return (
    <Alert color="violet" mt="md" title={`The past: ${span} (position ${position})`} role="note">
      <List size="sm">
        {notes.map((note) => (
          <List.Item key={note}>{note}</List.Item>
        ))}
      </List>
    </Alert>
  );
}
