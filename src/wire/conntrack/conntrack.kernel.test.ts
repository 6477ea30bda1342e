import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ip as address } from '../../../test/generators/build.ts';
import { enterFreshNamespace, nft } from '../../../test/netns/namespace.ts';

import { ConntrackConnection } from './connection.ts';
import { type ConntrackEntry, conntrackStatus } from './entry.ts';
import { watchConntrack } from './monitor.ts';
import { TableReader } from './table.ts';

enterFreshNamespace();

/** Packets go over loopback of this test's own namespace: a UDP server that echoes, and a rule that sends to it. */
let connection: ConntrackConnection;
let server: Socket;
const PORT = 20_053;
const open: { close(): void }[] = [];

beforeEach(async () => {
  connection = new ConntrackConnection();
  nft(`flush ruleset
    table ip knat {
      chain output { type nat hook output priority -100;
        ip daddr 127.0.0.53 udp dport 53 dnat to 127.0.0.1:${PORT};
        udp dport ${PORT} ct mark set 0x4e
      }
    }`);
  for (const entry of connection.entries()) connection.delete(entry);
  server = await bound(PORT);
  server.on('message', (message, from) => server.send(message, from.port, from.address));
});

afterEach(() => {
  connection.close();
  for (const one of open.splice(0)) one.close();
  server.close();
});

async function bound(number = 0): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(number, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** Sends one datagram and waits for the echo; gives the port that it came from. */
async function ask(address: string, toPort: number): Promise<number> {
  const client = await bound();
  const { port: from } = client.address();
  client.send('x', toPort, address);
  await once(client, 'message', { signal: AbortSignal.timeout(2000) });
  client.close();
  return from;
}

describe('an entry', () => {
  test('has both directions of a translated flow', async () => {
    const sport = await ask('127.0.0.53', 53);
    const [entry, ...others] = connection.entries({ original: { dst: address('127.0.0.53') } });
    expect(others).toEqual([]);
    expect(entry).toMatchObject({
      family: 'IPv4',
      protocol: 17,
      original: { src: '127.0.0.1', dst: '127.0.0.53', sport, dport: 53 },
      reply: { src: '127.0.0.1', dst: '127.0.0.1', sport: PORT, dport: sport },
      zone: 0,
      mark: 0,
    });
    expect((entry?.status ?? 0) & conntrackStatus.IPS_DST_NAT).not.toBe(0);
    expect((entry?.status ?? 0) & conntrackStatus.IPS_SEEN_REPLY).not.toBe(0);
    expect(entry?.timeoutSeconds).toBeGreaterThan(0);
  });

  test('is found by the tuple of either direction, as the kernel finds it for a packet', async () => {
    await ask('127.0.0.53', 53);
    const [entry] = connection.entries({ original: { dport: 53 } });
    if (entry === undefined) throw new Error('no entry');
    const { original, reply, id } = entry;
    for (const tuple of [original, reply]) {
      expect(connection.find('IPv4', 17, tuple)).toMatchObject({ original, reply, id });
    }
    expect(connection.find('IPv4', 6, original)).toBeNull();
    expect(connection.find('IPv4', 17, { ...original, sport: original.sport ^ 1 })).toBeNull();
    connection.delete(entry);
    expect(connection.find('IPv4', 17, reply)).toBeNull();
  });

  test('is deleted once, and not in place of a later one of the same tuple', async () => {
    await ask('127.0.0.53', 53);
    const [entry] = connection.entries({ original: { dport: 53 } });
    if (entry === undefined) throw new Error('no entry');
    expect(connection.delete({ ...entry, id: entry.id ^ 1 })).toBe(false);
    expect(connection.delete(entry)).toBe(true);
    expect(connection.delete(entry)).toBe(false);
    expect(connection.entries({ original: { dport: 53 } })).toEqual([]);
  });

  test('of ICMP has id, type and code, and can be deleted', async () => {
    const ping = spawn('ping', ['-c', '1', '-W', '1', '127.0.0.1'], { stdio: 'ignore' });
    await exited(ping);
    const [entry] = connection.entries({ protocol: 1 });
    expect(entry?.original).toMatchObject({ sport: 0, dport: 0, icmp: { type: 8, code: 0 } });
    if (entry === undefined) throw new Error('no entry');
    expect(connection.delete(entry)).toBe(true);
    expect(connection.entries({ protocol: 1 })).toEqual([]);
  });
});

describe('a filter', () => {
  beforeEach(async () => {
    for (const last of [53, 53, 1]) await ask(`127.0.0.${last}`, last === 53 ? 53 : PORT);
  });

  test.each([
    ['nothing', {}, 3],
    ['the family', { family: 'IPv4' }, 3],
    ['the other family', { family: 'IPv6' }, 0],
    ['the protocol', { protocol: 17 }, 3],
    ['another protocol', { family: 'IPv4', protocol: 6 }, 0],
    ['the original destination', { family: 'IPv4', original: { dst: address('127.0.0.53') } }, 2],
    ['the original port', { family: 'IPv4', protocol: 17, original: { dport: 53 } }, 2],
    ['a port that none has', { family: 'IPv4', protocol: 17, original: { dport: 54 } }, 0],
    ['the reply source', { family: 'IPv4', protocol: 17, reply: { sport: PORT } }, 3],
    ['the mark', { mark: { value: 0x40, mask: 0xf0 } }, 1],
    ['a mark that none has', { mark: { value: 0x50, mask: 0xf0 } }, 0],
    ['the zone', { zone: 0 }, 3],
    ['another zone', { zone: 7 }, 0],
    ['the status', { status: { value: conntrackStatus.IPS_DST_NAT, mask: conntrackStatus.IPS_DST_NAT } }, 2],
    ['the status being clear', { status: { value: 0, mask: conntrackStatus.IPS_DST_NAT } }, 1],
  ] as const)('by %s', (_what, filter, count) => {
    expect(connection.entries(filter)).toHaveLength(count);
  });
});

describe('a created entry', () => {
  const made: ConntrackEntry = {
    family: 'IPv4',
    protocol: 17,
    original: { src: address('10.9.0.1'), dst: address('10.96.0.10'), sport: 4000, dport: 53 },
    reply: { src: address('10.9.0.2'), dst: address('10.9.0.3'), sport: 5353, dport: 6000 },
    status: conntrackStatus.IPS_ASSURED | conntrackStatus.IPS_SEEN_REPLY,
    id: 0,
    timeoutSeconds: 100,
    mark: 7,
    zone: 0,
    counters: null,
  };
  const v6: ConntrackEntry = {
    ...made,
    family: 'IPv6',
    protocol: 6,
    original: { src: address('fd00::1'), dst: address('fd00::2'), sport: 4000, dport: 80 },
    reply: { src: address('fd00::2'), dst: address('fd00::9'), sport: 80, dport: 6000 },
  };

  test.each([made, v6])('of $family is there with its translations', (one) => {
    connection.create(one);
    const [found] = connection.entries({ family: one.family, mark: { value: 7, mask: 7 } });
    expect(found).toMatchObject({ original: one.original, reply: one.reply, mark: 7 });
    const translated = conntrackStatus.IPS_SRC_NAT | conntrackStatus.IPS_DST_NAT;
    expect((found?.status ?? 0) & translated).toBe(one === made ? translated : conntrackStatus.IPS_SRC_NAT);
    expect(() => connection.create(one)).toThrow('EEXIST');
  });

  test('is shown by a dump in steps, between which there is time for others', () => {
    const count = 1000;
    for (let i = 0; i < count; i++) {
      const sport = 1024 + i;
      connection.create({
        ...made,
        original: { ...made.original, sport },
        reply: { ...made.reply, dport: 10_000 + i },
      });
    }
    const other = new ConntrackConnection();
    open.push(other);
    const shown = new Set<number>();
    let steps = 0;
    for (const _ of other.dump({ family: 'IPv4' }, (flow) => {
      if (flow.original.src !== made.original.src) return;
      expect(flow.copy().reply).toEqual({ ...made.reply, dport: 10_000 + flow.original.sport - 1024 });
      shown.add(flow.original.sport);
    })) {
      steps++;
    }
    expect(shown.size).toBe(count);
    expect(steps).toBeGreaterThan(3);
  });
});

/** What is told of UDP flows to port 53 of the translated address, by their kind and source port. */
function watched(...kinds: Parameters<typeof watchConntrack>[2] & {}): string[] {
  const events: string[] = [];
  const close = watchConntrack(
    (type, { original: { dst, dport, sport } }) => {
      if (dst === '127.0.0.53' && dport === 53) events.push(`${type} ${sport}`);
    },
    () => events.push('lost'),
    kinds.length === 0 ? undefined : kinds,
  );
  open.push({ close });
  return events;
}

test('events tell of the beginning and the end of a flow', async () => {
  const events = watched();
  const sport = await ask('127.0.0.53', 53);
  for (const entry of connection.entries()) connection.delete(entry);
  await vi.waitFor(() => expect(events).toContain(`destroy ${sport}`));
  expect(events).toEqual([`new ${sport}`, `update ${sport}`, `destroy ${sport}`]);
});

test('only the kinds that were asked for are reported', async () => {
  const events = watched('destroy');
  const sport = await ask('127.0.0.53', 53);
  for (const entry of connection.entries()) connection.delete(entry);
  await vi.waitFor(() => expect(events).not.toEqual([]));
  expect(events).toEqual([`destroy ${sport}`]);
});

test('a reader keeps one connection, and opens another after a reading that stopped early', async () => {
  await ask('127.0.0.53', 53);
  const sockets = () => readdirSync('/proc/self/fd').length;
  const before = sockets();
  const reader = new TableReader();
  open.push(reader);
  const read = () => {
    let count = 0;
    for (const _ of reader.steps(() => count++));
    return count;
  };
  expect(read()).toBeGreaterThan(0);
  expect(read()).toBeGreaterThan(0);
  expect(sockets()).toBe(before + 1);
  const early = reader.steps(() => {});
  early.next();
  expect(read()).toBeGreaterThan(0);
  early.return(undefined);
  expect(read()).toBeGreaterThan(0);
  reader.close();
  await vi.waitFor(() => expect(sockets()).toBe(before));
});

async function exited(child: ChildProcess): Promise<void> {
  await once(child, 'exit');
}
