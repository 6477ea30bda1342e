import { z } from '@hono/zod-openapi';
import { count, flag, form, list, owner, text, textOrNull, time } from './form.ts';
import { packetFate } from './walk.ts';

/** Lines of a packet trace. Keys are only ever added. */

const ends = form({
  source: text.openapi({ description: '`address:port`; without ports the address alone' }),
  destination: text,
});
export type TraceEnds = z.output<typeof ends>;

const step = form({
  hook: text.openapi({
    description: '`prerouting`, `input`, `forward`, `output`, `postrouting`; empty: not known',
  }),
  table: text.openapi({ description: '`ip knat`, `inet filter`' }),
  chain: text,
  handle: z.int().nullable().openapi({ description: 'of the rule in nft -a; null: the end of the chain' }),
  rule: textOrNull.openapi({
    description: 'the rule in nft’s words; `policy`, `end of the chain`; null: it is gone already',
  }),
  verdict: text.openapi({ description: '`accept`, `drop`, `jump services`, `continue`' }),
  object: owner.openapi({ description: 'the object behind the rule or the element that it found' }),
  ours: flag,
});
export type TraceStep = z.output<typeof step>;

const connection = form({
  state: textOrNull.openapi({ description: '`new`, `established`, `related`, `invalid`, `untracked`' }),
  id: count.nullable().openapi({ description: 'as in knat flows; null: the packet has no connection' }),
  direction: z.enum(['original', 'reply']).nullable(),
});

const outcome = form({
  kind: z.enum(['left', 'delivered', 'dropped', 'rejected', 'handed over', 'gone']).openapi({
    description:
      'left: by `out`; delivered: to a socket of this node; rejected: dropped, and the sender is told; handed over: to a program; gone: not seen any more, and no rule of nf_tables did it',
  }),
  text: text.openapi({ description: 'in words, with who did it' }),
  object: owner.openapi({ description: 'the object behind the rule that dropped it' }),
});
export type TraceOutcome = z.output<typeof outcome>;

const fields = packetFate.unwrap().shape;
const explained = form({
  ...fields,
  because: text,
  way: textOrNull.openapi({
    description: 'with the rules of other programs and routing, in words; null: they were not examined',
  }),
}).openapi('TraceExplained');
export type TraceExplained = z.output<typeof explained>;

const packet = form({
  number: count.openapi({ description: 'from 1 on' }),
  at: time,
  protocol: text,
  details: text.openapi({ description: '`SYN`, `type 8 code 0`; may be empty' }),
  length: count.openapi({ description: 'bytes with the IP header' }),
  isReply: flag.openapi({ description: 'it belongs to the reply direction of an asked connection' }),
  before: ends,
  after: ends.openapi({ description: 'as it was when it was seen last' }),
  in: textOrNull.openapi({ description: 'interface; null: sent by this node' }),
  out: textOrNull.openapi({ description: 'interface; null: it did not leave' }),
  connection: connection
    .nullable()
    .openapi({ description: 'null: the kernel does not tell (before Linux 6.18)' }),
  steps: list(step),
  cut: count.openapi({ description: 'steps that are not listed, because there are too many' }),
  outcome,
  explained: explained.nullable().openapi({
    description: 'what explain says of a first packet like this; null: it says nothing of it',
  }),
  compared: flag.openapi({
    description:
      'explain is about it: it is the first packet of a connection, and all of its steps are known',
  }),
  differs: textOrNull.openapi({ description: 'how the packet and explain differ; null: they do not' }),
  incomplete: flag.openapi({ description: 'notifications were lost: steps may be missing' }),
});
export type TracePacket = z.output<typeof packet>;

/** A line of `/trace` and of `knat trace -o json`. */
export const traceLine = z
  .union([
    form({
      event: z.literal('started'),
      node: text,
      protocol: text,
      source: text,
      destination: text,
      count,
      seconds: count,
      explained: explained.nullable(),
    }),
    form({ event: z.literal('packet'), packet }),
    form({
      event: z.literal('waiting'),
      matched: count.openapi({ description: 'packets that matched so far, also those that are not traced' }),
    }),
    form({ event: z.literal('lost') }),
    form({
      event: z.literal('end'),
      because: z.enum(['count', 'time', 'removed']).openapi({
        description: 'removed: something took the rule that turns tracing on',
      }),
      packets: count.openapi({ description: 'packets that were told' }),
      more: count.openapi({ description: 'packets that matched and were not told' }),
      lost: flag.openapi({ description: 'notifications were lost' }),
    }),
  ])
  .openapi('TraceLine');
export type TraceLine = z.output<typeof traceLine>;
