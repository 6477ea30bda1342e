import { Alert, Button, Checkbox, Group, Select, Text, TextInput, Title } from '@mantine/core';
import { type FormEvent, useEffect, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { askedOf, type JournalQuestion, journalQuestion } from '../../../src/forms/questions.ts';
import { pathOf } from '../../../src/forms/request.ts';
import { ApiError } from '../api/client.ts';
import { useJournal } from '../api/queries.ts';
import { HistoryTimeline } from '../parts/history-timeline.tsx';

const SPANS = [
  { value: '1h', label: 'the last hour' },
  { value: '1d', label: 'the last day' },
  { value: '7d', label: 'the last week' },
];

/** What was in force, as a line of time. The page's address contains the question. */
export function HistoryPage() {
  const search = useSearch();
  const asked = askedOf(journalQuestion, Object.fromEntries(new URLSearchParams(search)));
  const { data, error, isFetching, refetch } = useJournal(asked);
  return (
    <>
      <Title order={1} size="h3" mb="sm">
        What was in force
      </Title>
      <Form asked={asked} isBusy={isFetching} again={() => void refetch()} />
      {error !== null && (
        <Alert color="red" mt="md" title={error.message} role="alert">
          {error instanceof ApiError ? error.details.join('; ') : ''}
        </Alert>
      )}
      {data !== undefined && error === null && (
        <>
          <Text c="dimmed" size="sm" mt="md">
            {data.items.length === 0 ? 'Nothing is recorded about this' : 'The newest first'}
            {data.isComplete ? `, since ${data.begins}.` : '; older entries are left out.'}
          </Text>
          <HistoryTimeline items={data.items} />
        </>
      )}
    </>
  );
}

interface FormProps {
  readonly asked: JournalQuestion;
  readonly isBusy: boolean;
  /** Asks the same question again. */
  readonly again: () => void;
}

function Form({ asked, isBusy, again }: FormProps) {
  const [, navigate] = useLocation();
  const given = asked.object ?? asked.address ?? '';
  const [about, setAbout] = useState(given);
  const [since, setSince] = useState<string | null>(asked.since ?? null);
  const [packets, setPackets] = useState(asked.packets !== undefined);
  // After another link, or back, the form follows the address.
  useEffect(() => setAbout(given), [given]);
  useEffect(() => setSince(asked.since ?? null), [asked.since]);
  useEffect(() => setPackets(asked.packets !== undefined), [asked.packets]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const what = about.trim();
    const question = what === '' ? {} : isAddress(what) ? { address: what } : { object: what };
    const more = { ...(since === null ? {} : { since }), ...(packets ? { packets: 'true' } : {}) };
    const href = pathOf('/history', { ...question, ...more });
    if (href === pathOf('/history', asked)) again();
    else navigate(href);
  };
  return (
    <form onSubmit={submit}>
      <Group align="end" gap="sm">
        <TextInput
          label="Object or address"
          placeholder="shop/web, 10.96.0.10:80; empty: everything"
          w={340}
          value={about}
          onChange={(event) => setAbout(event.currentTarget.value)}
        />
        <Select
          label="Since"
          placeholder="the beginning"
          w={160}
          data={SPANS}
          clearable
          value={since}
          onChange={setSince}
        />
        <Checkbox
          label="What it did to packets"
          mb={8}
          checked={packets}
          onChange={(event) => setPackets(event.currentTarget.checked)}
        />
        <Button type="submit" loading={isBusy}>
          Show
        </Button>
      </Group>
    </form>
  );
}

/** As the command reads its argument: names of objects have letters beside their colons, if any. */
function isAddress(text: string): boolean {
  return /^[\d.]+(:\d+)?$/.test(text) || /^\[?[\da-f]*:[\da-f:.]*\]?(:\d+)?$/i.test(text);
}
