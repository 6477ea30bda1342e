import { useEffect, useRef, useState } from 'react';
import type { TraceQuestion } from '../../../src/forms/questions.ts';
import type { TraceLine } from '../../../src/forms/trace.ts';
import { ApiError, askStream } from './client.ts';

export interface Trace {
  readonly lines: readonly TraceLine[];
  readonly isRunning: boolean;
  readonly error: ApiError | null;
  start(question: TraceQuestion): void;
  stop(): void;
}

/** One packet trace; it ends with the page that shows it. */
export function useTrace(): Trace {
  const [lines, setLines] = useState<readonly TraceLine[]>([]);
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const current = useRef<AbortController | null>(null);
  const stop = () => current.current?.abort();
  useEffect(() => () => current.current?.abort(), []);
  const start = (question: TraceQuestion) => {
    stop();
    const ours = new AbortController();
    current.current = ours;
    setLines([]);
    setError(null);
    setRunning(true);
    const read = async () => {
      for await (const line of askStream('/trace', question, ours.signal)) {
        if (ours.signal.aborted) return;
        setLines((before) => [...before.filter(({ event }) => event !== 'waiting'), line]);
      }
    };
    void read()
      .catch((failure: unknown) => {
        if (ours.signal.aborted) return;
        setError(failure instanceof ApiError ? failure : new ApiError('', 'the agent went away'));
      })
      .finally(() => {
        if (current.current === ours) setRunning(false);
      });
  };
  return { lines, isRunning, error, start, stop };
}
