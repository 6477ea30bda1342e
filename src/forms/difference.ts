import { z } from '@hono/zod-openapi';
import { count, form, list, owner } from './form.ts';

const counts = {
  missing: count.openapi({ description: 'elements that are wanted and not in the kernel' }),
  surplus: count.openapi({ description: 'elements that are in the kernel and not wanted' }),
};

const group = form({
  owner: z.enum(['object', 'shared', 'nobody']).openapi({
    description: 'shared: of several objects together; nobody: no entry of the plan has them',
  }),
  object: owner,
  ...counts,
});

/** What differs of one object. */
export type DifferenceGroup = z.output<typeof group>;

const element = form({
  what: z.enum(['missing', 'surplus']),
  object: owner,
  key: z.string().nullable().openapi({ description: 'of the entry, as /entries has it' }),
  element: z.string().openapi({ example: 'ip knat bindings { 203.0.113.7 . tcp . 25 : 10.244.1.5 . 25 }' }),
});

export type DifferenceElement = z.output<typeof element>;

export const difference = form({
  equal: z.boolean(),
  skeleton: z.enum(['intact', 'absent', 'other']).openapi({
    description:
      'tables, chains and rules; other: of another version or settings, or edited by somebody. Where more than rules differ, all elements are missing',
  }),
  rulesCompared: z.boolean().openapi({ description: 'chains and rules were compared, each: always true' }),
  ...counts,
  groups: list(group).openapi({
    description: 'objects by name, then what is shared, then what is nobody’s',
  }),
  elements: list(element).openapi({ description: 'in the order of the groups, up to the limit' }),
}).openapi('Difference');

/** What differs between plan and kernel: `knat diff -o json` and `/diff`. Keys are only ever added. */
export type Difference = z.output<typeof difference>;
