/** What the kernel itself leaves out by a filter, without the comparison that follows in this program. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ip as address } from '../../../test/generators/build.ts';
import { enterFreshNamespace } from '../../../test/netns/namespace.ts';
import type { IpAddress } from '../../net/address.ts';

import type { Family } from '../../net/family.ts';
import { ByteWriter } from '../bytes.ts';
import { familyNumber } from '../family-number.ts';
import { beginMessage, endMessage, NLM_F_DUMP, NLM_F_REQUEST, writeNfgenmsg } from '../messages.ts';
import { request } from '../request.ts';
import { NetlinkSocket } from '../socket.ts';
import { ConntrackConnection } from './connection.ts';
import { type ConntrackEntry, conntrackAttributes, conntrackStatus } from './entry.ts';
import { type FlowFilter, kernelFilter } from './filter.ts';
import { FlowView } from './flow-view.ts';
import { IPCTNL_MSG_CT_GET } from './numbers.ts';

enterFreshNamespace();

const { IPS_SEEN_REPLY, IPS_ASSURED } = conntrackStatus;
const addresses = {
  IPv4: ['10.9.0.1', '10.9.0.2', '10.9.0.3'],
  IPv6: ['fd00:9::1', 'fd00:9::2', 'fd00:9::3'],
} as const;
let socket: NetlinkSocket;
let connection: ConntrackConnection;

beforeAll(() => {
  socket = NetlinkSocket.open('NETLINK_NETFILTER');
  connection = new ConntrackConnection();
});

afterAll(() => {
  socket?.close();
  connection?.close();
});

/** A flow of the family between its first two addresses. */
function flow(family: Family, rest: Partial<ConntrackEntry> = {}): ConntrackEntry {
  const [src, dst] = addresses[family].map(address);
  if (src === undefined || dst === undefined) throw new Error(family);
  const original = { src, dst, sport: 4000, dport: 53, ...rest.original };
  return {
    ...{ family, protocol: 17, status: 0, id: 0, timeoutSeconds: 100, mark: 0, zone: 0, counters: null },
    ...rest,
    original,
    reply: { src: original.dst, dst: original.src, sport: original.dport, dport: original.sport },
  };
}

/** What the kernel sends: `SOURCE:PORT→DESTINATION:PORT protocol mark zone status`. */
function sentFor(filter: FlowFilter): string[] {
  const sequence = 7;
  const writer = new ByteWriter();
  const start = beginMessage(writer, IPCTNL_MSG_CT_GET, NLM_F_REQUEST | NLM_F_DUMP, sequence);
  writeNfgenmsg(writer, filter.family === undefined ? 0 : familyNumber[filter.family]);
  conntrackAttributes.write(writer, kernelFilter(filter));
  endMessage(writer, start);
  const view = new FlowView();
  const sent: string[] = [];
  request(socket, writer.written, sequence, 'dump', (message) => sent.push(textOf(view.read(message))));
  return sent;
}

function textOf({ original, protocol, mark, zone, status }: ConntrackEntry | FlowView): string {
  const { src, sport, dst, dport } = original;
  const replied = (status & IPS_SEEN_REPLY) !== 0 ? 'replied' : 'unreplied';
  return `${src}:${sport}→${dst}:${dport} ${protocol} ${mark} ${zone} ${replied}`;
}

/** Makes the two flows, and shows which of them the kernel sends. */
function sentOf(matching: ConntrackEntry, other: ConntrackEntry, filter: FlowFilter): string[] {
  for (const one of connection.entries()) connection.delete(one);
  for (const one of [matching, other]) connection.create(one);
  return sentFor(filter);
}

describe.each(['IPv4', 'IPv6'] as const)('the kernel filters %s', (family) => {
  const [first, second, third] = addresses[family].map(address) as [IpAddress, IpAddress, IpAddress];
  const plain = flow(family);
  const tuple = (rest: Partial<ConntrackEntry['original']>, protocol = 17) =>
    flow(family, { protocol, original: { ...plain.original, ...rest } });
  const replied = flow(family, { status: IPS_SEEN_REPLY, original: { ...plain.original, sport: 4001 } });
  const assured = flow(family, { status: IPS_SEEN_REPLY | IPS_ASSURED });
  const marked = flow(family, { mark: 0x4e, original: { ...plain.original, sport: 4002 } });
  const inZone = flow(family, { zone: 7 });

  test.each<[string, FlowFilter, ConntrackEntry, ConntrackEntry]>([
    ['family', { family }, plain, flow(family === 'IPv4' ? 'IPv6' : 'IPv4')],
    ['protocol', { family, protocol: 17 }, plain, tuple({}, 6)],
    ['protocol SCTP', { family, protocol: 132 }, tuple({}, 132), plain],
    ['source port, UDP', { family, protocol: 17, original: { sport: 4000 } }, plain, tuple({ sport: 4009 })],
    ['destination port, UDP', { family, protocol: 17, original: { dport: 53 } }, plain, tuple({ dport: 54 })],
    [
      'source port, TCP',
      { family, protocol: 6, original: { sport: 4000 } },
      tuple({}, 6),
      tuple({ sport: 4009 }, 6),
    ],
    [
      'destination port, TCP',
      { family, protocol: 6, original: { dport: 53 } },
      tuple({}, 6),
      tuple({ dport: 54 }, 6),
    ],
    ['mark', { mark: { value: 0x40, mask: 0xf0 } }, marked, plain],
    ['mark, with the family', { family, mark: { value: 0, mask: 0xff } }, plain, marked],
    ['zone', { zone: 7 }, inZone, plain],
    ['zone 0', { zone: 0 }, plain, inZone],
    ['status', { status: { value: IPS_SEEN_REPLY, mask: IPS_SEEN_REPLY } }, replied, plain],
    ['status that is clear', { status: { value: 0, mask: IPS_SEEN_REPLY } }, plain, replied],
    ['status, one bit of two', { family, status: { value: 0, mask: IPS_ASSURED } }, replied, assured],
  ])('by %s', (_, filter, matching, other) => {
    expect(sentOf(matching, other, filter)).toEqual([textOf(matching)]);
  });

  test.each<[string, FlowFilter['original'], ConntrackEntry]>([
    ['source', { src: first }, tuple({ src: third })],
    ['destination', { dst: second }, tuple({ dst: third })],
    ['both ends', { src: first, dst: second, dport: 53 }, tuple({ src: second, dst: first })],
  ])('by the address of the %s: what is wanted is never left out', (_, original = {}, other) => {
    const filter = { family, protocol: 17, original };
    // Of IPv6 addresses nothing is handed over, since the kernel would leave out the very flow that is wanted.
    const expected = family === 'IPv4' ? [textOf(plain)] : [textOf(other), textOf(plain)];
    expect(sentOf(plain, other, filter).sort()).toEqual(expected.sort());
    expect(connection.entries(filter).map(textOf)).toEqual([textOf(plain)]);
  });
});

test('no IPv6 address is handed to the kernel, in no field', () => {
  const original = { src: address('fd00:9::1'), dst: address('fd00:9::2'), sport: 4000, dport: 53 };
  const filter: FlowFilter = { family: 'IPv6', protocol: 17, original, reply: original };
  expect(kernelFilter(filter)).toEqual({
    original: { ip: {}, protocol: { number: 17, sport: 4000, dport: 53 } },
    filter: { original: (1 << 3) | (1 << 4) | (1 << 5) },
  });
});
