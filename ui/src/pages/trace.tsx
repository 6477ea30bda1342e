import { Alert, Button, Checkbox, Group, NumberInput, Select, Text, TextInput, Title } from '@mantine/core';
import { type FormEvent, useEffect, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import type { TraceQuestion } from '../../../src/forms/questions.ts';
import { useTrace } from '../api/use-trace.ts';
import { TraceView } from '../parts/trace-view.tsx';
import { traceHref, traceQuestionOf } from '../trace-href.ts';

/** The trace form. The page's address contains the question; only a click begins the trace. */
export function TracePage() {
  const asked = traceQuestionOf(useSearch());
  const trace = useTrace();
  return (
    <>
      <Title order={1} size="h3" mb="sm">
        Trace packets
      </Title>
      <Form asked={asked} isRunning={trace.isRunning} start={trace.start} stop={trace.stop} />
      {trace.lines.length === 0 && trace.error === null && (
        <Text c="dimmed" mt="lg" maw={640}>
          Say which packets to follow. The agent shows what the next real ones do on this node, rule by rule,
          and whether that is what Explain says. Open a new connection while the trace runs: only its first
          packet passes the NAT rules. The address of this page holds the question.
        </Text>
      )}
      {trace.error !== null && (
        <Alert color="red" mt="md" title={trace.error.message} role="alert">
          {trace.error.details.join('; ')}
        </Alert>
      )}
      <TraceView lines={trace.lines} isRunning={trace.isRunning} />
    </>
  );
}

interface FormProps {
  readonly asked: TraceQuestion;
  readonly isRunning: boolean;
  start(question: TraceQuestion): void;
  stop(): void;
}

function Form({ asked, isRunning, start, stop }: FormProps) {
  const [, navigate] = useLocation();
  const [question, setQuestion] = useState(asked);
  const href = traceHref(asked);
  // After another link, or back, the form follows the address.
  useEffect(() => setQuestion(traceQuestionOf(href.replace(/^[^?]*/, ''))), [href]);
  const set = (name: keyof TraceQuestion, value: string | undefined) =>
    setQuestion({ ...question, [name]: value });
  const text = (name: keyof TraceQuestion) => ({
    value: question[name] ?? '',
    onChange: (event: { currentTarget: HTMLInputElement }) => set(name, event.currentTarget.value),
  });
  const flag = (name: keyof TraceQuestion) => ({
    checked: question[name] === 'true',
    onChange: (event: { currentTarget: HTMLInputElement }) =>
      set(name, event.currentTarget.checked ? 'true' : undefined),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    navigate(traceHref(question));
    start(traceQuestionOf(traceHref(question).replace(/^[^?]*/, '')));
  };
  return (
    <form onSubmit={submit}>
      <Group align="end" gap="sm">
        <TextInput
          label="From"
          placeholder="10.244.1.7, pod/NAMESPACE/NAME"
          w={280}
          required
          {...text('from')}
        />
        <TextInput label="To" placeholder="svc/NAMESPACE/NAME:PORT" w={300} required {...text('to')} />
        <Select
          label="Protocol"
          placeholder="as the port"
          w={130}
          data={['tcp', 'udp', 'sctp']}
          clearable
          value={question.proto || null}
          onChange={(value) => set('proto', value ?? undefined)}
        />
        <NumberInput
          label="Packets"
          w={90}
          min={1}
          max={100}
          placeholder="5"
          value={question.count ?? ''}
          onChange={(value) => set('count', String(value))}
        />
        <NumberInput
          label="Seconds"
          w={90}
          min={1}
          max={600}
          placeholder="30"
          value={question.seconds ?? ''}
          onChange={(value) => set('seconds', String(value))}
        />
        <Checkbox label="replies too" mb={8} {...flag('replies')} />
        <Checkbox label="only dropped" mb={8} {...flag('dropped')} />
        {isRunning ? (
          <Button type="button" color="red" variant="light" onClick={stop}>
            Stop
          </Button>
        ) : (
          <Button type="submit">Trace</Button>
        )}
      </Group>
    </form>
  );
}
