import { z } from '@hono/zod-openapi';
import { object } from './findings.ts';
import { count, form, list, text, time } from './form.ts';

/** Recent activity of the agent, duration of programming, metrics. */

export const activity = form({
  sequence: count.openapi({ description: 'grows with every record; a repeated record gets a new one' }),
  at: time,
  kind: z.enum([
    'started',
    'synced',
    'programmed',
    'disturbed',
    'healed',
    'failed',
    'recovered',
    'conflict',
    'conflict-over',
    'notice',
    'notice-over',
    'problem',
    'connections-ended',
  ]),
  severity: z.enum(['info', 'warning', 'error']),
  message: text.openapi({ description: 'for people, one line' }),
  object: object.nullable().openapi({ description: 'the object concerned; null: none' }),
  times: z.int().min(1).openapi({ description: 'how often in a row; `at` is the last time' }),
}).openapi('Activity');

export type ActivityRecord = z.output<typeof activity>;

export const activityPage = form({
  items: list(activity),
  newest: count.openapi({ description: '`after` for the next question' }),
}).openapi('ActivityPage');

const span = form({
  at: time.openapi({ description: 'begin of the span' }),
  converges: count.openapi({ description: 'successful attempts' }),
  failures: count,
  elementsAdded: count,
  elementsDeleted: count,
  meanMilliseconds: z.number().nullable().openapi({ description: 'mean of successful attempts; null: none' }),
  maxMilliseconds: z.number().nullable(),
});

export type HistoryPoint = z.output<typeof span>;

export const history = form({ spanSeconds: z.number(), items: list(span) }).openapi('History');

export type History = z.output<typeof history>;

const metric = form({
  name: text,
  help: text,
  type: z.enum(['counter', 'gauge', 'histogram', 'summary']),
  values: list(
    form({
      name: text.optional().openapi({ description: 'name of the series, if it differs from the metric’s' }),
      labels: z.record(text, text).readonly(),
      value: z.number().nullable().openapi({ description: 'null: no number' }),
    }),
  ),
});

export type MetricSnapshot = z.output<typeof metric>;

export const metrics = form({ items: list(metric) }).openapi('Metrics');
