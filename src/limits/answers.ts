import { counted, reported } from './limit.ts';

/** What questions may cost. */
export const answerLimits = {
  'what-if-processes': counted({
    most: 1,
    unit: 'processes',
    of: 'questions of what-if that are answered at one time, each by a process of its own',
    beyond: 'the question is refused with status 503 and the code KNAT_WHAT_IF_BUSY',
  }),
  'what-if-time': counted({
    most: 25_000,
    unit: 'milliseconds',
    of: 'the time of an answer of what-if',
    beyond: 'its process is ended, and the question is refused',
  }),
  'past-questions': counted({
    most: 8,
    unit: 'questions',
    of: 'questions about the past that wait for their turn or are answered, by one process at a time',
    beyond: 'the question is refused with status 503 and the code KNAT_HISTORY_LIMIT',
  }),
  'past-time': counted({
    most: 20_000,
    unit: 'milliseconds',
    of: 'the time of an answer about the past',
    beyond: 'its process is ended, and the question is refused with the code KNAT_HISTORY_LIMIT',
  }),
  'explain-lists': counted({
    most: 16,
    unit: 'questions',
    of: 'lists of packets that explain answers at one time',
    beyond: 'the question is refused with status 503 and the code KNAT_AGENT_BUSY',
  }),
  'flow-lists': reported({
    most: 32,
    unit: 'answers',
    of: 'lists of connections that are made at one time',
    beyond: 'the question is refused with status 503 and the code KNAT_AGENT_BUSY',
    remedy:
      'Find the clients that list connections: `ss -xp` on the node lists who is connected to the agent.',
  }),
  'flow-watchers': reported({
    most: 16,
    unit: 'answers',
    of: 'readers of `knat flows --watch` at one time',
    beyond: 'the question is refused with status 503 and the code KNAT_AGENT_BUSY',
    remedy: 'End watches that nobody needs: `ss -xp` on the node lists who is connected to the agent.',
  }),
  'flow-events': counted({
    most: 1 << 20,
    unit: 'bytes',
    of: 'events of connections that wait for one reader of `knat flows --watch`',
    beyond: 'further events are lost until it reads, and the answer says so',
  }),
  'flow-rates': counted({
    most: 2,
    unit: 'answers',
    of: 'measurements of rates at one time',
    beyond: 'the question is refused with status 503 and the code KNAT_AGENT_BUSY',
  }),
  'rated-flows': counted({
    most: 131_072,
    unit: 'flows',
    of: 'connections that a measurement of rates remembers',
    beyond: 'it measures every second connection, every fourth, and so on, and the answer says which part',
  }),
} as const;
