import { Alert, Button, Checkbox, Group, Text, Textarea, Title } from '@mantine/core';
import { type DragEvent, type FormEvent, useEffect, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import type { WhatIfQuestion } from '../../../src/forms/what-if.ts';
import { ApiError } from '../api/client.ts';
import { useWhatIf } from '../api/queries.ts';
import { WhatIfView } from '../parts/what-if-view.tsx';
import { whatIfHref, whatIfOf } from '../what-if-link.ts';

/** The what-if form. The page's address contains the change, unless it is too long, so a link shows the same answer. */
export function WhatIfPage() {
  const search = useSearch();
  const [asked, setAsked] = useState<WhatIfQuestion | null>(null);
  const [isLinked, setLinked] = useState(true);
  const [, navigate] = useLocation();
  useEffect(() => {
    let isOver = false;
    void whatIfOf(search).then((question) => {
      if (!isOver && question !== null) setAsked(question);
    });
    return () => {
      isOver = true;
    };
  }, [search]);
  const { data, error, isFetching } = useWhatIf(asked);
  const ask = async (question: WhatIfQuestion) => {
    const href = await whatIfHref(question);
    setLinked(href !== null);
    setAsked(question);
    navigate(href ?? '/what-if');
  };
  return (
    <>
      <Title order={1} size="h3" mb="sm">
        What will this change do to traffic?
      </Title>
      <Form asked={asked} isBusy={isFetching} ask={(question) => void ask(question)} />
      {asked === null && (
        <Text c="dimmed" mt="lg" maw={640}>
          Paste or drop manifests that would be applied, and name objects that would be deleted. Nothing is
          changed. The agent lists all packets through this node whose fate would differ; a packet that is in
          no line keeps its fate.
        </Text>
      )}
      {!isLinked && (
        <Text c="dimmed" mt="sm" size="sm">
          This change is too long for a link: the address of this page does not contain it.
        </Text>
      )}
      {error !== null && asked !== null && (
        <Alert color="red" mt="md" title={error.message} role="alert">
          {error instanceof ApiError ? error.details.join('; ') : ''}
        </Alert>
      )}
      {data !== undefined && error === null && <WhatIfView answer={data} />}
    </>
  );
}

interface FormParts {
  readonly asked: WhatIfQuestion | null;
  readonly isBusy: boolean;
  readonly ask: (question: WhatIfQuestion) => void;
}

function Form({ asked, isBusy, ask }: FormParts) {
  const [text, setText] = useState('');
  const [deletions, setDeletions] = useState('');
  const [connections, setConnections] = useState(false);
  // After a link, or back, the form follows the address.
  useEffect(() => {
    if (asked === null) return;
    setText(asked.manifests?.map((manifest) => manifest.text).join('\n---\n') ?? '');
    setDeletions(asked.delete?.join('\n') ?? '');
    setConnections(asked.connections ?? false);
  }, [asked]);
  const drop = async (event: DragEvent) => {
    const files = [...event.dataTransfer.files];
    if (files.length === 0) return;
    event.preventDefault();
    const texts = await Promise.all(files.map((file) => file.text()));
    setText((before) => [...(before.trim() === '' ? [] : [before]), ...texts].join('\n---\n'));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    ask({
      manifests: text.trim() === '' ? [] : [{ name: 'manifest', text }],
      delete: deletions.split(/\s+/).filter((name) => name !== ''),
      connections,
    });
  };
  return (
    <form onSubmit={submit}>
      <Textarea
        label="Manifests that are applied"
        placeholder="Paste YAML or JSON, or drop files here"
        autosize
        minRows={6}
        maxRows={18}
        spellCheck={false}
        styles={{ input: { fontFamily: 'monospace' } }}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => void drop(event)}
      />
      <Group align="end" gap="md" mt="sm">
        <Textarea
          label="Objects that are deleted"
          placeholder="Service/NAMESPACE/NAME"
          autosize
          minRows={1}
          maxRows={6}
          w={420}
          value={deletions}
          onChange={(event) => setDeletions(event.currentTarget.value)}
        />
        <Checkbox
          label="count existing connections"
          pb={8}
          checked={connections}
          onChange={(event) => setConnections(event.currentTarget.checked)}
        />
        <Button type="submit" loading={isBusy} disabled={`${text}${deletions}`.trim() === ''}>
          Show
        </Button>
      </Group>
    </form>
  );
}
