import { z } from '@hono/zod-openapi';
import { count, flag, form, list, owner, text, textOrNull, time } from './form.ts';

/** Answers about connections. Keys are only ever added. */

const rate = z.number().min(0);

/** `other`: not in the plan; a former entry or another program did it. */
const natKind = z.enum(['service', 'pod', 'egress', 'other']);
export type NatKind = z.output<typeof natKind>;

const direction = form({ source: text, destination: text });

const nat = {
  kind: natKind,
  object: owner.openapi({ description: '`Service shop/web`; null: no single object' }),
};

/** A line of `/flows`, an item of `knat flows -o json`. */
export const flowReport = form({
  protocol: text.openapi({ description: '`TCP`, `UDP`, `ICMP`, …; a number for others' }),
  original: direction.openapi({
    description: 'as in the first packet: `address`, or `address:port` if the protocol has ports',
  }),
  reply: direction.openapi({ description: 'as in a reply, before it is translated back' }),
  from: textOrNull.openapi({ description: 'sender: `Pod shop/web-0`; null: unknown' }),
  to: textOrNull.openapi({ description: 'the endpoint that answers, after translation' }),
  destinationNat: form({ ...nat, frontend: text, endpoint: text }).nullable(),
  sourceNat: form({ ...nat, address: text }).nullable(),
  stale: textOrNull.openapi({ description: 'why the present plan would translate it differently' }),
  replied: flag.openapi({ description: 'packets were seen in both directions' }),
  ageSeconds: count.nullable().openapi({ description: 'null without nf_conntrack_timestamp' }),
  timeoutSeconds: count.nullable().openapi({
    description: 'until conntrack forgets it, unless packets arrive; null in events of its end',
  }),
  packets: count.nullable().openapi({ description: 'both directions; null without nf_conntrack_acct' }),
  bytes: count.nullable(),
  id: count.openapi({
    description: 'together with the zone it identifies this flow among others with the same addresses',
  }),
  zone: count,
}).openapi('Flow');
export type FlowReport = z.output<typeof flowReport>;

/**
 * What `knat flows -o json` prints.
 * @internal used by tests alone
 */
export const flowReports = list(flowReport);

const listingEnd = form({
  looked: count.openapi({ description: 'connections that were read' }),
  listed: count,
  cut: flag.openapi({ description: 'the limit was reached before the end of the table' }),
  stale: count.openapi({ description: 'stale flows among the listed ones' }),
  accounting: flag.openapi({ description: 'packets and bytes are known: nf_conntrack_acct is on' }),
});

export type ListingEnd = z.output<typeof listingEnd>;

const lastLine = form({ end: listingEnd }).openapi('FlowsEnd');

/** A line of `/flows`; the last one is the end. */
export const flowLine = z.union([flowReport, lastLine]);
export type FlowLine = z.output<typeof flowLine>;

/** A line of `/flows/watch`. */
export const flowEvent = z
  .union([
    form({ event: z.enum(['new', 'update', 'destroy']), flow: flowReport }),
    form({ event: z.literal('lost') }),
  ])
  .openapi('FlowEvent');
export type FlowEvent = z.output<typeof flowEvent>;

const rateOf = form({
  kind: natKind,
  object: text.openapi({
    description: '`Service shop/web 10.96.0.10:80/TCP`, `IPPool pods`; empty: no object',
  }),
  flows: count.openapi({ description: 'flows that exist now' }),
  newFlowsPerSecond: rate,
  packetsPerSecond: rate.nullable().openapi({ description: 'both directions; null without accounting' }),
  bytesPerSecond: rate.nullable(),
});

export type Rate = z.output<typeof rateOf>;

export const rates = form({
  seconds: z.number().openapi({ description: 'between the two readings' }),
  rates: list(rateOf),
  measured: z.number().optional().openapi({
    description: 'the part of the connections that was measured; below 1 the rates are an estimate',
  }),
});
export type RatesAnswer = z.output<typeof rates>;

const newFlowsPerSecond = rate.nullable().openapi({ description: 'null at the first reading' });

const pair = form({
  kind: natKind,
  from: text.openapi({ description: 'the translating entry: `Service shop/web 10.96.0.10:80/TCP`' }),
  to: text.openapi({ description: 'the endpoint that answers; for source NAT, the new source address' }),
  flows: count,
  newFlowsPerSecond,
});

/** Connections that the same rule translates to the same place. */
export type FlowPair = z.output<typeof pair>;

export const pairs = form({
  flows: count.openapi({ description: 'translated connections' }),
  newFlowsPerSecond,
  left: count.openapi({ description: 'number of quieter pairs that are not listed' }),
  pairs: list(pair).openapi({ description: 'the busiest first' }),
});
export type FlowPairs = z.output<typeof pairs>;

const tuple = form({
  protocol: z.enum(['TCP', 'UDP', 'SCTP']),
  address: text.openapi({ description: 'address with which flows leave' }),
  destination: text,
  destinationPort: z.int(),
  used: z.int(),
  capacity: z.int(),
  share: z.number().openapi({ description: '`used / capacity`: from about 0.9 on, new flows begin to fail' }),
  level: z.enum(['good', 'warning', 'bad']).openapi({ description: 'bad: new flows fail, or soon will' }),
  sources: list(form({ name: text, flows: z.int() })).openapi({
    description: 'owners of the flows, the largest first; only for tuples above one half',
  }),
});

/** Use of one address's ports to one destination. */
export type PortUsage = z.output<typeof tuple>;

export const ports = form({
  at: time,
  milliseconds: z.number().openapi({ description: 'duration of the reading, with all waits' }),
  entries: z.int().openapi({ description: 'entries of the whole table' }),
  tuples: list(tuple).openapi({ description: 'the fullest, the fullest first' }),
  uncertainty: z.int().openapi({ description: '`used` may be too low by this number' }),
})
  .nullable()
  .openapi({ description: 'null before the first count' });

export type PortUsageSample = NonNullable<z.output<typeof ports>>;

const attributed = form({
  protocol: text,
  source: text,
  destination: text,
  name: textOrNull.openapi({ description: '`Pod shop/web-0`; null: unknown' }),
  since: time.nullable().openapi({ description: 'null: before the log, or in a gap of it' }),
  until: time.nullable().openapi({ description: 'null: it has not ended, or its end is not in the log' }),
  certain: flag.openapi({ description: 'false: uncertain; it existed before or after a gap of the log' }),
});
export type AttributedFlow = z.output<typeof attributed>;

const portOwner = form({
  name: text.openapi({ description: '`Pod shop/web-0`' }),
  certain: flag.openapi({ description: 'false: others may have used the port too' }),
  why: text,
});
export type PortOwner = z.output<typeof portOwner>;

export const who = form({
  asked: form({ address: text, at: time, protocol: textOrNull }),
  flows: list(attributed).openapi({ description: 'several, if the port was used for several destinations' }),
  gap: textOrNull.openapi({ description: 'why the log is incomplete at that time; null: it is complete' }),
  logBegins: time.nullable().openapi({ description: 'the oldest line; null: the log is empty' }),
  owners: list(portOwner).optional().openapi({
    description: 'without an attribution log: who could use the address and port by the plan of that time',
  }),
});

export type WhoAnswer = z.output<typeof who>;
