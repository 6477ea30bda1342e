import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ip as address } from '../../../test/generators/build.ts';

import { ByteWriter } from '../bytes.ts';
import { Malformed } from '../errors.ts';
import { familyNumber } from '../family-number.ts';
import { beginMessage, endMessage, type Message, messagesOf, writeNfgenmsg } from '../messages.ts';
import { type ConntrackEntry, conntrackAttributes, tupleAttributesOf } from './entry.ts';
import { kernelFilter, matches } from './filter.ts';
import { FlowView } from './flow-view.ts';

function message(family: number, write: (writer: ByteWriter) => void): Message {
  const writer = new ByteWriter();
  const start = beginMessage(writer, 0x100, 0, 1);
  writeNfgenmsg(writer, family);
  write(writer);
  endMessage(writer, start);
  const [one] = [...messagesOf(writer.written)];
  if (one === undefined) throw new Error('no message');
  return one;
}

function sent(entry: ConntrackEntry): Message {
  const { family, protocol, original, reply, status, id, timeoutSeconds, mark, zone, counters } = entry;
  return message(familyNumber[family], (writer) =>
    conntrackAttributes.write(writer, {
      original: tupleAttributesOf(family, protocol, original),
      reply: tupleAttributesOf(family, protocol, reply),
      status,
      id,
      mark,
      zone,
      ...(timeoutSeconds === null ? {} : { timeout: timeoutSeconds }),
      ...(counters === null ? {} : { originalCounters: counters.original, replyCounters: counters.reply }),
    }),
  );
}

const u32 = fc.nat(2 ** 32 - 1);
const port = fc.nat(65535);
const counters = fc.record({ packets: fc.bigInt(0n, 2n ** 64n - 1n), bytes: fc.bigInt(0n, 2n ** 64n - 1n) });
const icmp = fc.record({ id: port, type: fc.nat(255), code: fc.nat(255) });

const entry: fc.Arbitrary<ConntrackEntry> = fc
  .constantFrom('IPv4' as const, 'IPv6' as const)
  .chain((family) => {
    const ip = (family === 'IPv4' ? fc.ipV4() : fc.ipV6()).map(address);
    const withPorts = fc.record({ src: ip, dst: ip, sport: port, dport: port });
    const withEcho = fc.record({ src: ip, dst: ip, sport: fc.constant(0), dport: fc.constant(0), icmp });
    return fc.record({
      family: fc.constant(family),
      protocol: fc.nat(255),
      original: fc.oneof(withPorts, withEcho),
      reply: fc.oneof(withPorts, withEcho),
      status: u32,
      id: u32,
      timeoutSeconds: fc.option(u32),
      mark: u32,
      zone: port,
      counters: fc.option(fc.record({ original: counters, reply: counters })),
    });
  });

describe('FlowView', () => {
  /** Counters are exact up to 2^53, which is eight petabytes. */
  const exact = entry.map((one) => {
    const shorten = ({ packets, bytes }: { packets: bigint; bytes: bigint }) => {
      return { packets: packets >> 11n, bytes: bytes >> 11n };
    };
    const { counters } = one;
    return {
      ...one,
      counters:
        counters === null ? null : { original: shorten(counters.original), reply: shorten(counters.reply) },
    };
  });

  test('shows what was written, one entry after the other', () => {
    const view = new FlowView();
    fc.assert(
      fc.property(exact, (one) => {
        expect(view.read(sent(one)).copy()).toEqual(one);
        expect(view.original.src).toBe(one.original.src);
      }),
    );
  });

  test('of damaged bytes is Malformed or an entry', () => {
    const view = new FlowView();
    fc.assert(
      fc.property(entry, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 }), (one, changes) => {
        const damaged = sent(one);
        for (const [at, byte] of changes) {
          damaged.bytes[damaged.start + (at % (damaged.end - damaged.start))] = byte;
        }
        try {
          view.read(damaged).copy();
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('without a tuple is Malformed', () => {
    expect(() => new FlowView().read(message(2, () => {}))).toThrow(Malformed);
    expect(() => new FlowView().read(message(7, () => {}))).toThrow(Malformed);
  });
});

test('a filter made of an entry wants that entry, and not one that differs', () => {
  fc.assert(
    fc.property(entry, (one) => {
      const { family, protocol, original, reply, zone } = one;
      const { src, dst, sport, dport } = original;
      const filter = {
        family,
        protocol,
        zone,
        original: { src, dst, sport, dport },
        reply: { dst: reply.dst },
      };
      expect(matches(filter, one)).toBe(true);
      expect(matches({ ...filter, protocol: protocol ^ 1 }, one)).toBe(false);
      expect(matches({ ...filter, original: { ...filter.original, dport: dport ^ 1 } }, one)).toBe(false);
      expect(matches({ ...filter, reply: { ...filter.reply, sport: reply.sport ^ 1 } }, one)).toBe(false);
      expect(matches({ mark: { value: one.mark, mask: 0xff } }, { ...one, mark: one.mark ^ 0x100 })).toBe(
        true,
      );
      expect(matches({ mark: { value: one.mark, mask: 0xff } }, { ...one, mark: one.mark ^ 0x1 })).toBe(
        false,
      );
    }),
  );
});

describe('kernelFilter', () => {
  const dst = address('10.0.0.1');

  test('gives the kernel the flags of what it gives', () => {
    expect(kernelFilter({ family: 'IPv4', protocol: 17, original: { dst, dport: 53 } })).toEqual({
      original: { ip: { dstV4: dst }, protocol: { number: 17, dport: 53 } },
      filter: { original: 0b101010 },
    });
  });

  test('gives no port without a protocol, no tuple without a family, and never the reply', () => {
    expect(kernelFilter({ family: 'IPv4', original: { dst, dport: 53 } })).toEqual({
      original: { ip: { dstV4: dst } },
      filter: { original: 0b10 },
    });
    expect(kernelFilter({ protocol: 17, original: { dst } })).toEqual({});
    expect(kernelFilter({ family: 'IPv4', reply: { src: dst } })).toEqual({});
  });
});
