import { z } from '@hono/zod-openapi';
import { count, flag, form, list, owner, text, textOrNull } from './form.ts';

const counts = {
  missing: count.openapi({ description: 'elements that the plan has and the kernel lacks' }),
  surplus: count.openapi({ description: 'elements that the kernel has and the plan lacks' }),
};

const group = form({
  owner: z.enum(['object', 'shared', 'nobody']).openapi({
    description: 'shared: of several objects together; nobody: leftover, no entry of the plan has them',
  }),
  object: owner,
  ...counts,
});

export type DifferenceGroup = z.output<typeof group>;

const element = form({
  what: z.enum(['missing', 'surplus']),
  object: owner,
  key: textOrNull.openapi({ description: 'key of the entry, as in /entries' }),
  element: text.openapi({ example: 'ip knat bindings { 203.0.113.7 . tcp . 25 : 10.244.1.5 . 25 }' }),
});

export type DifferenceElement = z.output<typeof element>;

export const difference = form({
  equal: flag,
  skeleton: z.enum(['intact', 'absent', 'other']).openapi({
    description:
      'tables, chains and rules; other: of another version or settings, or edited by somebody. Where more than rules differ, all elements are missing',
  }),
  rulesCompared: flag.openapi({
    description: 'whether chains and rules were compared one by one: always true',
  }),
  ...counts,
  groups: list(group).openapi({
    description: 'objects by name, then shared elements, then leftover ones',
  }),
  elements: list(element).openapi({ description: 'in the order of the groups, up to the limit' }),
}).openapi('Difference');

/** For `knat diff -o json` and `/diff`. Keys are only ever added. */
export type Difference = z.output<typeof difference>;
