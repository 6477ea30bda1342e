import { z } from '@hono/zod-openapi';
import { form, list, text, texts } from './form.ts';

/** Findings about objects, and conflicts between them. */

export const object = form({
  kind: z.enum([
    'Service',
    'EndpointSlice',
    'Pod',
    'Node',
    'IPPool',
    'FelixConfiguration',
    'Namespace',
    'EgressRule',
    'ServiceCIDR',
  ]),
  namespace: text.openapi({ description: 'empty for objects without a namespace' }),
  name: text,
}).openapi('Object');

/** The object that a fact, rule or finding comes from. */
export type ObjectRef = z.output<typeof object>;

export const failure = form({
  code: text.openapi({ description: 'KNAT_…, see docs/errors.md' }),
  message: text,
  details: texts.openapi({ description: 'further errors, one line each' }),
}).openapi('Failure');

/** The API's answer to a refused or unanswerable question. */
export type Failure = z.output<typeof failure>;

export const conflict = form({
  code: z.literal('NatConflict').openapi({ description: 'the code of its findings, one for each loser' }),
  key: text.openapi({ description: 'the claim of both', example: '203.0.113.7:25/TCP' }),
  winner: object,
  losers: list(object),
  because: text.openapi({ description: 'the rule that decided' }),
}).openapi('Conflict');

export type Conflict = z.output<typeof conflict>;

export const notice = form({
  reason: z
    .enum([
      'NatInvalid',
      'NatRestricted',
      'NatNoPublicAddress',
      'NatAddressNotLocal',
      'NatHostNetwork',
      'NatHostPortInUse',
      'NatBlockedByFirewall',
      'NatPoolOverridden',
      'NatConflict',
    ])
    .openapi({ description: 'the reason of the Event' }),
  object,
  message: text,
}).openapi('Notice');

/** Why an object, or a part of it, gets no NAT. */
export type NoticeForm = z.output<typeof notice>;

export const problem = form({
  code: text.openapi({ description: 'what it is, by a stable name: docs/errors.md' }),
  severity: z.enum(['error', 'warning', 'note']),
  origin: text.openapi({ description: 'FILE:LINE; empty if it comes from no file' }),
  object: object.nullable(),
  field: text.openapi({ description: '`spec.ports[0].port`; empty for the whole object' }),
  message: text.openapi({ description: 'what is wrong and what to do' }),
}).openapi('Problem');

/** Something wrong or noteworthy. It stops only what depends on it. */
export type Finding = z.output<typeof problem>;

export function pageOf<Item extends z.ZodType>(name: string, item: Item) {
  return form({ items: list(item), total: z.int().min(0) }).openapi(name);
}
