/** The bounds of what is found and remembered of connections to gone endpoints. */
import { expect, test } from 'vitest';
import { ConnectionEnder } from '../../src/agent/gone/end-connections.ts';
import type { GoneSearch } from '../../src/datapath/conntrack/gone-flows.ts';
import { type GoneConnection, GoneTable } from '../../src/datapath/nftables/gone-table.ts';
import { limits } from '../../src/limits/table.ts';
import { addressFromNumber } from '../../src/net/address.ts';
import { ConntrackConnection } from '../../src/wire/conntrack/connection.ts';
import { conntrackStatus } from '../../src/wire/conntrack/entry.ts';
import { Rejected } from '../../src/wire/errors.ts';
import { NftablesConnection } from '../../src/wire/nftables/connection.ts';
import { ip } from '../generators/build.ts';
import { bites } from '../generators/limits.ts';
import { enterFreshNamespace } from '../netns/namespace.ts';

enterFreshNamespace();

const endpoint = ip('10.244.2.1');
const clusterIP = ip('10.96.0.10');

test('a reading of the connection table ends when it has found enough', async () => {
  const { most } = limits['gone-found'];
  const conntrack = new ConntrackConnection();
  for (let i = 0; i < most + 1_000; i++) {
    const client = ip(`10.244.1.${1 + (i % 200)}`);
    const sport = 1024 + Math.floor(i / 200);
    conntrack.create({
      ...{ family: 'IPv4', protocol: 6, id: 0, timeoutSeconds: 3600, mark: 0, zone: 0, counters: null },
      original: { src: client, dst: clusterIP, sport, dport: 80 },
      reply: { src: endpoint, dst: client, sport: 8080, dport: sport },
      status: conntrackStatus.IPS_SEEN_REPLY | conntrackStatus.IPS_ASSURED,
    });
  }
  conntrack.close();
  const search: GoneSearch = {
    plan: { entry: () => undefined, entryAt: () => undefined } as unknown as GoneSearch['plan'],
    slices: { slicesOf: () => [] },
    gone: new Map([[endpoint, ['10.96.0.10:80/TCP']]]),
    former: null,
  };
  const ender = new ConnectionEnder({ add: () => {} }, () => 0.5);
  const { connections, isAll } = await bites('gone-found', () =>
    ender.find(search, new AbortController().signal),
  );
  ender.close();
  expect(isAll).toBe(false);
  expect(connections.length).toBeGreaterThanOrEqual(most);
  // Those of one turn of the event loop more.
  expect(connections.length).toBeLessThan(most + 1_000);
});

test('when the table is full, nothing is added, and the limit says so', async () => {
  const { most } = limits['gone-connections'];
  const kernel = new NftablesConnection();
  const table = new GoneTable({ commitAside: (batch) => kernel.commit(batch) }, kernel);
  const connections = (from: number, count: number) =>
    Array.from({ length: count }, (_, index): GoneConnection => {
      const client = addressFromNumber('IPv4', 0x0b00_0000n + BigInt(from + index));
      const one = { src: client, dst: clusterIP, sport: 40_000, dport: 80 };
      const other = { src: endpoint, dst: client, sport: 8080, dport: 40_000 };
      return { family: 'IPv4', protocol: 6, directions: [one, other] };
    });
  for (let from = 0; from < most; from += 4_096) table.add(connections(from, 4_096));
  await bites('gone-connections', () => {
    expect(() => table.add(connections(most, 128))).toThrow(Rejected);
  });
  table.remove();
  kernel.close();
});
