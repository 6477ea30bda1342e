import { z } from '@hono/zod-openapi';
import { count, form, list, owner, time } from './form.ts';

/** What is answered about connections. Keys are only ever added. */

const rate = z.number().min(0);

/** Which part of knat translates; `other`: something that is not in the plan, of knat's past or of another program. */
const natKind = z.enum(['service', 'pod', 'egress', 'other']);
export type NatKind = z.output<typeof natKind>;

const direction = form({ source: z.string(), destination: z.string() });

const nat = {
  kind: natKind,
  object: owner.openapi({ description: '`Service shop/web`; null: no single object' }),
};

/** A flow: a line of `/flows`, an item of `knat flows -o json`. */
export const flowReport = form({
  protocol: z.string().openapi({ description: '`TCP`, `UDP`, `ICMP`, …; a number for others' }),
  original: direction.openapi({
    description: 'as the first packet came: `address`, or `address:port` where the protocol has ports',
  }),
  reply: direction.openapi({ description: 'as a reply comes, before it is translated back' }),
  from: z.string().nullable().openapi({ description: 'who began it: `Pod shop/web-0`; null: nobody known' }),
  to: z.string().nullable().openapi({ description: 'who answers, after translation' }),
  destinationNat: form({ ...nat, frontend: z.string(), endpoint: z.string() }).nullable(),
  sourceNat: form({ ...nat, address: z.string() }).nullable(),
  stale: z.string().nullable().openapi({ description: 'why it would be translated otherwise now' }),
  replied: z.boolean().openapi({ description: 'packets came in both directions' }),
  ageSeconds: count.nullable().openapi({ description: 'null without nf_conntrack_timestamp' }),
  timeoutSeconds: count.nullable().openapi({
    description: 'until it is forgotten, unless packets come; null in events of its end',
  }),
  packets: count.nullable().openapi({ description: 'both directions; null without nf_conntrack_acct' }),
  bytes: count.nullable(),
  id: count.openapi({ description: 'with the zone: tells this flow from a later one of the same addresses' }),
  zone: count,
}).openapi('Flow');
export type FlowReport = z.output<typeof flowReport>;

/**
 * What `knat flows -o json` prints.
 * @internal used by tests alone
 */
export const flowReports = list(flowReport);

const listingEnd = form({
  looked: count.openapi({ description: 'connections that were looked at' }),
  listed: count,
  cut: z.boolean().openapi({ description: 'the limit was reached before the end of the table' }),
  stale: count.openapi({ description: 'of those that were listed' }),
  accounting: z.boolean().openapi({ description: 'packets and bytes are known: nf_conntrack_acct is on' }),
});

/** What a listing says at its end. */
export type ListingEnd = z.output<typeof listingEnd>;

const lastLine = form({ end: listingEnd }).openapi('FlowsEnd');

/** One line of `/flows`; the last one is the end. */
export const flowLine = z.union([flowReport, lastLine]);
export type FlowLine = z.output<typeof flowLine>;

/** One line of `/flows/watch`. */
export const flowEvent = z
  .union([
    form({ event: z.enum(['new', 'update', 'destroy']), flow: flowReport }),
    form({ event: z.literal('lost') }),
  ])
  .openapi('FlowEvent');
export type FlowEvent = z.output<typeof flowEvent>;

const rateOf = form({
  kind: natKind,
  object: z.string().openapi({
    description: '`Service shop/web 10.96.0.10:80/TCP`, `IPPool pods`; empty: no object stands behind it',
  }),
  flows: count.openapi({ description: 'flows that exist now' }),
  newFlowsPerSecond: rate,
  packetsPerSecond: rate.nullable().openapi({ description: 'both directions; null without accounting' }),
  bytesPerSecond: rate.nullable(),
});

/** What a binding, a Service or a pool translates. */
export type Rate = z.output<typeof rateOf>;

export const rates = form({
  seconds: z.number().openapi({ description: 'between the two looks' }),
  rates: list(rateOf),
});
export type RatesAnswer = z.output<typeof rates>;

const newFlowsPerSecond = rate.nullable().openapi({ description: 'null at a first look' });

const pair = form({
  kind: natKind,
  from: z.string().openapi({ description: 'what translates: `Service shop/web 10.96.0.10:80/TCP`' }),
  to: z.string().openapi({ description: 'who answers; for NAT of the source, the address that it became' }),
  flows: count,
  newFlowsPerSecond,
});

/** Connections that the same rule translates to the same place. */
export type FlowPair = z.output<typeof pair>;

export const pairs = form({
  flows: count.openapi({ description: 'translated connections' }),
  newFlowsPerSecond,
  left: count.openapi({ description: 'quieter pairs that are left out' }),
  pairs: list(pair).openapi({ description: 'the busiest first' }),
});
export type FlowPairs = z.output<typeof pairs>;

const tuple = form({
  protocol: z.enum(['TCP', 'UDP', 'SCTP']),
  address: z.string().openapi({ description: 'that flows leave with' }),
  destination: z.string(),
  destinationPort: z.int(),
  used: z.int(),
  capacity: z.int(),
  share: z.number().openapi({ description: '`used / capacity`: from about 0.9 on, new flows begin to fail' }),
  level: z.enum(['good', 'warning', 'bad']).openapi({ description: 'bad: new flows fail, or soon will' }),
  sources: list(form({ name: z.string(), flows: z.int() })).openapi({
    description: 'whose flows they are, the most first; only of tuples that are half full',
  }),
});

/** How full the ports of one address are, towards one destination. */
export type PortUsage = z.output<typeof tuple>;

export const ports = form({
  at: time,
  milliseconds: z.number().openapi({ description: 'how long the table was read, with all waits' }),
  entries: z.int().openapi({ description: 'of the whole table' }),
  tuples: list(tuple).openapi({ description: 'the fullest, the fullest first' }),
  uncertainty: z.int().openapi({ description: 'by how much `used` may be too low' }),
})
  .nullable()
  .openapi({ description: 'null before the first look' });

/** The ports in use at one time. */
export type PortUsageSample = NonNullable<z.output<typeof ports>>;

const attributed = form({
  protocol: z.string(),
  source: z.string(),
  destination: z.string(),
  name: z.string().nullable().openapi({ description: '`Pod shop/web-0`; null: nobody known' }),
  since: time.nullable().openapi({ description: 'null: before the log, or in a gap of it' }),
  until: time.nullable().openapi({ description: 'null: it goes on, or nobody saw its end' }),
  certain: z
    .boolean()
    .openapi({ description: 'false: it was there before or after a gap, and perhaps then' }),
});
export type AttributedFlow = z.output<typeof attributed>;

export const who = form({
  asked: form({ address: z.string(), at: time, protocol: z.string().nullable() }),
  flows: list(attributed).openapi({ description: 'several where the port led to several destinations' }),
  gap: z.string().nullable().openapi({ description: 'why the log is not sure at that time; null: it is' }),
  logBegins: time.nullable().openapi({ description: 'the oldest line; null: the log is empty' }),
});

/** Who was behind an address and port at a time. */
export type WhoAnswer = z.output<typeof who>;
