import { counted } from './limit.ts';

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
} as const;
