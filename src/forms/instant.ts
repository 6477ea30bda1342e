import type { z } from '@hono/zod-openapi';
import { form, text, texts, time } from './form.ts';

/** The moment that an answer is about. */
export const instant = form({
  asked: text,
  position: text,
  since: time.openapi({ description: 'from when on this was in force' }),
  until: time.nullable().openapi({ description: 'until when; null: it still is' }),
  notes: texts.openapi({ description: 'what the answer cannot take into account, and why' }),
}).openapi('Instant');
export type InstantJson = z.output<typeof instant>;
