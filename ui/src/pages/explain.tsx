import { Alert, Button, Group, Select, Text, TextInput, Title } from '@mantine/core';
import { type FormEvent, useEffect, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { ApiError } from '../api/client.ts';
import { isWhole, useWalk } from '../api/queries.ts';
import { type ExplainQuestion, explainHref, questionOf } from '../explain-href.ts';
import { InstantNote } from '../parts/instant-note.tsx';
import { WalkView } from '../parts/walk-view.tsx';

const PLACES = '10.244.1.7, pod/NAMESPACE/NAME or node/NAME';

/** The explain form. The page's address contains the question, so a link shows the same packet. */
export function ExplainPage() {
  const asked = questionOf(useSearch());
  const { data, error, isFetching } = useWalk(asked);
  const isAsked = isWhole(asked);
  return (
    <>
      <Title order={1} size="h3" mb="sm">
        Explain a packet
      </Title>
      <Form asked={asked} isBusy={isFetching} />
      {!isAsked && (
        <Text c="dimmed" mt="lg" maw={640}>
          Say where a packet comes from and where it goes. The agent answers with each step that its NAT
          takes, why, and how the reply comes back. The address of this page then holds the question: send it
          to whom it concerns.
        </Text>
      )}
      {error !== null && isAsked && (
        <Alert color="red" mt="md" title={error.message} role="alert">
          {error instanceof ApiError ? error.details.join('; ') : ''}
        </Alert>
      )}
      {data?.at !== undefined && isAsked && error === null && <InstantNote instant={data.at} />}
      {data !== undefined && isAsked && error === null && <WalkView walk={data} />}
    </>
  );
}

function Form({ asked, isBusy }: { asked: ExplainQuestion; isBusy: boolean }) {
  const [, navigate] = useLocation();
  const [question, setQuestion] = useState(asked);
  const href = explainHref(asked);
  // After another link, or back, the form follows the address.
  useEffect(() => setQuestion(questionOf(href.slice(href.indexOf('?')))), [href]);
  const field = (name: keyof ExplainQuestion) => ({
    value: question[name] ?? '',
    onChange: (value: string | null) => setQuestion({ ...question, [name]: value ?? '' }),
  });
  const text = (name: keyof ExplainQuestion) => {
    const { value, onChange } = field(name);
    return {
      value,
      onChange: (event: { currentTarget: HTMLInputElement }) => onChange(event.currentTarget.value),
    };
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    navigate(explainHref(question));
  };
  return (
    <form onSubmit={submit}>
      <Group align="end" gap="sm">
        <TextInput label="From" placeholder={PLACES} w={300} required {...text('from')} />
        <TextInput
          label="To"
          placeholder="10.96.0.10:80 or svc/NAMESPACE/NAME:PORT"
          w={320}
          required
          {...text('to')}
        />
        <TextInput label="Port" placeholder="where To has none" w={180} {...text('port')} />
        <Select
          label="Protocol"
          placeholder="as the port"
          w={150}
          data={['tcp', 'udp', 'sctp', 'icmp']}
          clearable
          {...field('proto')}
          value={question.proto || null}
        />
        <Select
          label="Family"
          placeholder="first"
          w={100}
          data={['ipv4', 'ipv6']}
          clearable
          {...field('family')}
          value={question.family || null}
        />
        <TextInput label="At" placeholder="now" w={200} {...text('at')} />
        <Button type="submit" loading={isBusy}>
          Explain
        </Button>
      </Group>
    </form>
  );
}
