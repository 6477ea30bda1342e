import { readFileSync } from 'node:fs';
import { z } from '@hono/zod-openapi';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FlowReport } from '../forms/flows.ts';
import { formatRef, type ObjectRef } from '../model/object.ts';
import { printableJson } from '../model/printable.ts';
import { addressFromBytes, formatEndpoint } from '../net/address.ts';
import { ByteWriter } from '../wire/bytes.ts';
import {
  type ConntrackEntry,
  conntrackAttributes,
  conntrackStatus,
  tupleAttributesOf,
} from '../wire/conntrack/entry.ts';
import { FlowView, type TupleView } from '../wire/conntrack/flow-view.ts';
import { familyNumber } from '../wire/family-number.ts';
import { beginMessage, endMessage, messagesOf, writeNfgenmsg } from '../wire/messages.ts';
import { FlowLines } from './flow-lines.ts';
import type { Judgement } from './judge.ts';
import { Names } from './names.ts';
import { hasPorts, protocolName } from './protocol-names.ts';

/** The form of `knat flows -o json`. */
const published = z.fromJSONSchema(
  JSON.parse(readFileSync('docs/schema/flows.schema.json', 'utf8')) as Parameters<typeof z.fromJSONSchema>[0],
);
const NOW = Date.UTC(2026, 0, 31);

const u32 = fc.nat(2 ** 32 - 1);
const port = fc.nat(65_535);
const counter = fc.record({ packets: fc.bigInt(0n, 2n ** 52n), bytes: fc.bigInt(0n, 2n ** 52n) });
const entry: fc.Arbitrary<ConntrackEntry> = fc.constantFrom('IPv4', 'IPv6').chain((family) => {
  const size = family === 'IPv4' ? 4 : 16;
  const ip = fc.uint8Array({ minLength: size, maxLength: size }).map(addressFromBytes);
  const end = fc.oneof(
    fc.record({ src: ip, dst: ip, sport: port, dport: port }),
    fc.record({
      ...{ src: ip, dst: ip, sport: fc.constant(0), dport: fc.constant(0) },
      icmp: fc.record({ id: port, type: fc.nat(255), code: fc.nat(255) }),
    }),
  );
  return fc.record({
    ...{ family: fc.constant<'IPv4' | 'IPv6'>(family), protocol: fc.nat(255), original: end, reply: end },
    ...{ status: u32, id: u32, timeoutSeconds: fc.option(u32), mark: u32, zone: port },
    counters: fc.option(fc.record({ original: counter, reply: counter })),
  });
});

/** Names as nobody should give them, to see that lines stay lines. */
const name = fc.oneof(fc.constantFrom('shop', 'web-0'), fc.string({ unit: 'grapheme', minLength: 1 }));
const object = fc.option(
  fc.record({ kind: fc.constantFrom('Service' as const, 'Pod' as const), namespace: name, name }),
);
const kind = fc.constantFrom('service' as const, 'pod' as const, 'egress' as const, 'other' as const);
const judgement: fc.Arbitrary<Judgement> = fc.record({
  destination: fc.option(fc.record({ kind, object, frontend: fc.constant('10.96.0.10:80/TCP') })),
  source: fc.option(fc.record({ kind, object })),
  stale: fc.option(fc.string({ unit: 'grapheme' })),
});

const flows = fc.array(fc.tuple(entry, judgement, fc.option(name)), { minLength: 1, maxLength: 8 });

function shown(entry: ConntrackEntry): FlowView {
  const { family, protocol, original, reply, status, id, timeoutSeconds, mark, zone, counters } = entry;
  const writer = new ByteWriter();
  const start = beginMessage(writer, 0x100, 0, 1);
  writeNfgenmsg(writer, familyNumber[family]);
  conntrackAttributes.write(writer, {
    ...{ original: tupleAttributesOf(family, protocol, original) },
    ...{ reply: tupleAttributesOf(family, protocol, reply), status, id, mark, zone },
    ...(timeoutSeconds === null ? {} : { timeout: timeoutSeconds }),
    ...(counters === null ? {} : { originalCounters: counters.original, replyCounters: counters.reply }),
  });
  endMessage(writer, start);
  const [message] = [...messagesOf(writer.written)];
  if (message === undefined) throw new Error('no message');
  return new FlowView().read(message);
}

/** The pod's name for the source of the flow. */
function namesOf({ original }: ConntrackEntry, pod: string | null): Names {
  const pods = pod === null ? [] : [{ ips: [original.src], namespace: 'shop', name: pod }];
  return new Names({
    pods: new Map(pods.map((one) => [one.name, { hostNetwork: false, finished: false, ...one } as never])),
    nodes: new Map(),
    node: { nodeName: 'node-a', localAddresses: [] },
  });
}

const json = (data: unknown) => printableJson(JSON.stringify(data));

test('a line is what JSON.stringify writes of the report, as a terminal shows it', () => {
  fc.assert(
    fc.property(flows, (all) => {
      for (const [one, judgement, pod] of all) {
        const names = namesOf(one, pod);
        const lines = new FlowLines(names, NOW);
        const flow = shown(one);
        flow.startedAt = one.mark % 2 === 0 ? null : NOW - one.id;
        lines.add(flow, judgement);
        const report = reportOf(flow, judgement, names, NOW);
        expect(published.parse([report])).toEqual([report]);
        expect(Buffer.from(lines.take()).toString()).toBe(`${json(report)}\n`);
        lines.addEvent('new', flow, judgement);
        lines.addLost();
        expect(Buffer.from(lines.take()).toString()).toBe(
          `${json({ event: 'new', flow: report })}\n{"event":"lost"}\n`,
        );
      }
    }),
  );
});

test('a place with a port is written as everywhere', () => {
  fc.assert(
    fc.property(entry, (one) => {
      fc.pre(one.original.icmp === undefined && one.original.sport > 0);
      const lines = new FlowLines(null, NOW);
      lines.add(shown(one), { destination: null, source: null, stale: null });
      const { src, sport, dst, dport } = one.original;
      expect(JSON.parse(Buffer.from(lines.take()).toString())).toMatchObject({
        original: { source: formatEndpoint(src, sport), destination: formatEndpoint(dst, dport) },
      });
    }),
  );
});

/**
 * A flow as an object: what the lines must say, written without care for speed.
 * @param now milliseconds since the epoch
 */
function reportOf(flow: FlowView, judgement: Judgement, names: Names | null, now: number): FlowReport {
  const { protocol, original, reply, startedAt } = flow;
  const { destination, source, stale } = judgement;
  const place = hasPorts(flow) ? formatEndpoint : (address: TupleView['src']) => address;
  const endpoint = place(reply.src, reply.sport);
  const outside = place(reply.dst, reply.dport);
  return {
    protocol: protocolName(protocol),
    original: {
      source: place(original.src, original.sport),
      destination: place(original.dst, original.dport),
    },
    reply: { source: endpoint, destination: outside },
    from: names?.of(original.src) ?? null,
    to: names?.of(reply.src) ?? null,
    destinationNat:
      destination === null
        ? null
        : {
            kind: destination.kind,
            object: refOf(destination.object),
            frontend: destination.frontend,
            endpoint,
          },
    sourceNat: source === null ? null : { kind: source.kind, object: refOf(source.object), address: outside },
    stale,
    replied: (flow.status & conntrackStatus.IPS_SEEN_REPLY) !== 0,
    ageSeconds: startedAt === null ? null : Math.max(0, Math.round((now - startedAt) / 1000)),
    timeoutSeconds: flow.timeoutSeconds,
    packets: flow.counted ? flow.packets : null,
    bytes: flow.counted ? flow.bytes : null,
    id: flow.id,
    zone: flow.zone,
  };
}

function refOf(object: ObjectRef | null): string | null {
  return object === null ? null : formatRef(object);
}
