import { z } from '@hono/zod-openapi';
import { conflict } from './findings.ts';
import { count, flag, form, list, text, textOrNull, texts } from './form.ts';
import { packetFate } from './walk.ts';

/** The answer of what-if. Keys are only ever added. */

const packetClass = form({
  node: text
    .nullable()
    .openapi({ description: 'the node that sees the packets; null: every node that was asked for' }),
  sources: texts.nullable().openapi({
    description: 'CIDRs; null: all',
    example: ['10.244.0.0/16'],
  }),
  destinations: texts.nullable().openapi({ description: 'as sources', example: ['10.96.0.10/32'] }),
  protocols: list(z.enum(['TCP', 'UDP', 'SCTP'])).nullable(),
  ports: texts.nullable().openapi({
    description: 'destination ports; null: all',
    example: ['80', '1000-1010'],
  }),
  interfaces: texts.optional().openapi({
    description:
      'incoming interfaces, `cali*`, or `!cali*` for others and unknown ones; absent: all. Only if pods are recognised by interface',
  }),
  sourcePorts: texts.optional().openapi({
    description:
      'source ports; 0 stands for one that is not known. Absent: all. Only for pods whose bindings have several addresses',
  }),
}).openapi('PacketClass');
export type PacketClass = z.output<typeof packetClass>;

const change = form({
  class: packetClass,
  before: packetFate,
  after: packetFate,
  because: form({ before: text, after: text }).openapi({ description: 'the objects and rules that decide' }),
  flows: count.nullable().openapi({
    description: 'existing connections of the class, which keep their translation; null: not known',
  }),
}).openapi('Change');
export type ChangeJson = z.output<typeof change>;

const claim = form({
  key: text.openapi({ description: 'what several objects want', example: '203.0.113.7:25/TCP' }),
  before: conflict.nullable().openapi({ description: 'null: at most one object wants it' }),
  after: conflict.nullable(),
});
export type ClaimChange = z.output<typeof claim>;

const expectation = form({
  name: text,
  origin: text.openapi({ description: 'where it is written: `expectations.yaml:12`' }),
  node: text,
  before: z
    .enum(['met', 'not-met', 'unknown'])
    .openapi({ description: 'unknown: it names what does not exist' }),
  after: z.enum(['met', 'not-met', 'unknown']),
  breaks: z.boolean().openapi({ description: 'met before the change, and not after it' }),
  reason: text.openapi({ description: 'what is expected and what is, after the change; empty if it is met' }),
});
export type ExpectationChange = z.output<typeof expectation>;

const connection = form({
  protocol: text,
  source: text.openapi({ description: 'as in the first packet' }),
  destination: text,
  from: textOrNull.openapi({ description: 'sender: `Pod shop/web-0`; null: unknown' }),
  to: textOrNull.openapi({ description: 'the endpoint that answers' }),
  bytes: count.nullable().openapi({ description: 'both directions; null without nf_conntrack_acct' }),
  object: textOrNull.openapi({ description: 'the object behind the change' }),
});
export type ConcernedConnection = z.output<typeof connection>;

/** `knat what-if -o json`. */
export const whatIf = form({
  changes: list(change).openapi({
    description: 'every packet whose fate changes is in exactly one class; every other packet keeps its fate',
  }),
  unknown: list(form({ about: text, reason: text })).openapi({
    description: 'what the classes do not say',
  }),
  claims: list(claim).optional().openapi({
    description: 'where several objects want the same, and the winner or a loser changes; absent: nowhere',
  }),
  expectations: list(expectation).optional().openapi({
    description: 'the expectations of a file, if one was given',
  }),
  connections: list(connection).optional().openapi({
    description: 'with --connections: of the existing connections in a class the ten with the most bytes',
  }),
}).openapi('WhatIf');
export type WhatIfJson = z.output<typeof whatIf>;

const toldPackets = form({
  from: text.openapi({ example: 'all except 10.244.0.0/16' }),
  to: text,
  ports: text.openapi({ example: 'TCP port 80' }),
  before: text.openapi({
    description: 'what becomes of the packets, without what is the same after the change',
  }),
  after: text,
  because: form({ before: text, after: text }),
  nodes: texts.openapi({
    description: 'the nodes that see the packets; empty: every node that was asked for',
  }),
  example: form({ from: text, to: text, proto: text }).openapi({
    description: 'one of the packets, as a question for /explain',
  }),
});
export type ToldPackets = z.output<typeof toldPackets>;

export const toldObject = form({
  object: textOrNull,
  lines: list(toldPackets),
  more: count.openapi({ description: 'further lines of the object' }),
});
export type ToldObject = z.output<typeof toldObject>;

/** The answer for people: the same packets, by object, and only so many as a reader can take. */
export const whatIfSummary = form({
  nodes: texts.openapi({ description: 'the nodes that were asked for' }),
  objects: list(toldObject),
  more: count.openapi({ description: 'further objects whose packets change' }),
  claims: list(claim),
  moreClaims: count,
  expectations: form({
    count,
    broken: list(expectation),
    moreBroken: count,
    unmetBefore: count.openapi({ description: 'those that are met neither before nor after' }),
  })
    .nullable()
    .openapi({ description: 'null: none were given' }),
  connections: form({ count, busiest: list(connection) })
    .nullable()
    .openapi({ description: 'existing connections in a class; null: not asked for' }),
  unknown: list(form({ about: text, reason: text })),
  moreUnknown: count,
}).openapi('WhatIfSummary');
export type WhatIfSummary = z.output<typeof whatIfSummary>;

/** The question of what-if: objects that are applied and objects that are deleted. */
export const whatIfQuestion = z
  .strictObject({
    manifests: z
      .array(z.strictObject({ name: text.max(600), text }))
      .max(1000)
      .default([])
      .openapi({ description: 'manifests that are applied, YAML or JSON; the name is for messages' }),
    delete: z
      .array(text.max(600))
      .max(10_000)
      .default([])
      .openapi({
        description: 'objects that are deleted: KIND/NAMESPACE/NAME, or KIND/NAME',
        example: ['Service/shop/web'],
      }),
    connections: flag
      .default(false)
      .openapi({ description: 'also count the existing connections of these packets' }),
    strict: flag.default(false).openapi({ description: 'refuse manifests with any problem' }),
  })
  .openapi('WhatIfQuestion');
export type WhatIfQuestion = z.input<typeof whatIfQuestion>;
