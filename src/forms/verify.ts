import { z } from '@hono/zod-openapi';
import { flag, form, list, text, textOrNull, texts } from './form.ts';

/** The answer of `knat verify -o json`. Keys are only ever added. */

export const expectationResult = form({
  name: text,
  origin: text.openapi({ description: 'file and line: `expectations.yaml:12`' }),
  node: text.openapi({ description: 'the node that sees the packet' }),
  passed: flag.openapi({ description: 'outcome is met' }),
  outcome: z.enum(['met', 'not-met', 'unknown']).openapi({
    description: 'unknown: it depends on addresses of the node that no object tells',
  }),
  unknown: textOrNull.openapi({
    description: 'with unknown: on which addresses, and what holds in each case',
  }),
  packet: text.openapi({
    description: 'the packet as understood: `TCP 10.244.1.7 → 1.1.1.1:443`; empty if it was not',
  }),
  mismatches: list(form({ field: z.enum(['verdict', 'as', 'reaches']), expected: text, actual: text })),
  error: textOrNull.openapi({
    description: 'why no verdict was possible, such as a Pod that does not exist; null if it was',
  }),
  notes: texts,
  because: text.openapi({ description: 'the object and rule that decided' }),
});
export type ExpectationResultJson = z.output<typeof expectationResult>;

/**
 * A result for each expectation, in the file's order.
 * @internal used by tests alone
 */
export const expectationResults = list(expectationResult);
