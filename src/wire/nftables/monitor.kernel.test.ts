import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { enterFreshNamespace, nft } from '../../../test/netns/namespace.ts';
import { Batch } from './batch.ts';
import { NftablesConnection } from './connection.ts';
import { type NftablesEvent, type NftablesWatchOptions, watchNftables } from './monitor.ts';

enterFreshNamespace();

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
  nft('flush ruleset');
});

function connect(): NftablesConnection {
  const connection = new NftablesConnection();
  open.push(connection);
  return connection;
}

function listen(options: NftablesWatchOptions = {}): NftablesEvent[] {
  const events: NftablesEvent[] = [];
  open.push({ close: watchNftables((event) => events.push(event), options) });
  return events;
}

const TABLE =
  'table ip knat { map m { type ipv4_addr : ipv4_addr; }\n chain c { ip saddr 10.0.0.1 drop; }\n }';

test('reports what another program changed, and its name', async () => {
  const events = listen();
  nft(TABLE);
  await vi.waitFor(() => expect(events.at(-1)?.type).toBe('NFT_MSG_NEWGEN'));
  expect(events.map((event) => event.type)).toEqual([
    'NFT_MSG_NEWTABLE',
    'NFT_MSG_NEWCHAIN',
    'NFT_MSG_NEWSET',
    'NFT_MSG_NEWRULE',
    'NFT_MSG_NEWGEN',
  ]);
  expect(events).toContainEqual(expect.objectContaining({ family: 'ip', table: 'knat', chain: 'c' }));
  expect(events).toContainEqual(expect.objectContaining({ family: 'ip', table: 'knat', set: 'm' }));
  expect(events.at(-1)).toMatchObject({ processName: 'nft' });
});

test('tells own changes by the port id of the connection', async () => {
  nft(TABLE);
  const connection = connect();
  const events = listen();
  const batch = new Batch();
  batch.addElements('ip', 'knat', 'm', [element(1), element(2)]);
  connection.commit(batch);
  nft('add element ip knat m { 10.0.0.3 : 10.0.0.3 }');
  await vi.waitFor(() => expect(events.filter((event) => event.type === 'NFT_MSG_NEWGEN')).toHaveLength(2));
  const elements = events.filter((event) => event.type === 'NFT_MSG_NEWSETELEM');
  expect(elements).toHaveLength(2); // the two of one transaction are told once
  expect(elements.map((event) => 'portId' in event && event.portId === connection.portId)).toEqual([
    true,
    false,
  ]);
  expect(events.find((event) => event.type === 'NFT_MSG_NEWGEN')).toMatchObject({
    portId: connection.portId,
  });
});

test('leaves out the changes of an ignored port, and those of other tables', async () => {
  nft(TABLE);
  const connection = connect();
  const events = listen({ ignorePortId: connection.portId, table: 'knat' });
  const batch = new Batch();
  batch.addElements('ip', 'knat', 'm', [element(1)]);
  connection.commit(batch);
  nft('table ip other { chain c { }\n }');
  nft('delete table ip knat');
  await vi.waitFor(() => expect(events.filter((event) => event.type === 'NFT_MSG_NEWGEN')).toHaveLength(2));
  expect(events.map((event) => event.type)).not.toContain('NFT_MSG_NEWSETELEM');
  expect(events.filter((event) => 'table' in event && event.table !== 'knat')).toEqual([]);
  expect(events).toContainEqual(expect.objectContaining({ type: 'NFT_MSG_DELTABLE', table: 'knat' }));
});

test('reports an overrun when the listener did not keep up, and goes on', async () => {
  nft(TABLE);
  const connection = connect();
  const events = listen({ receiveBuffer: 4096 });
  for (let round = 0; round < 50; round++) {
    const batch = new Batch();
    batch.addElements(
      'ip',
      'knat',
      'm',
      Array.from({ length: 100 }, (_, i) => element(round * 100 + i)),
    );
    connection.commit(batch);
  }
  await vi.waitFor(() => expect(events).toContainEqual({ type: 'overrun' }));
  await pause(20);
  events.length = 0;
  nft('delete table ip knat');
  await vi.waitFor(() => expect(events.at(-1)?.type).toBe('NFT_MSG_NEWGEN'));
});

test('what happens once an overrun was told is told too', async () => {
  nft(TABLE);
  const connection = connect();
  const told: string[] = [];
  let isEdited = false;
  const options = { receiveBuffer: 4096, table: 'knat' };
  const close = watchNftables((event) => {
    told.push(event.type === 'NFT_MSG_NEWCHAIN' ? `${event.type} ${event.chain}` : event.type);
    // Whoever hears of it reads everything, and the next change comes at once.
    if (event.type === 'overrun' && !isEdited) {
      isEdited = true;
      nft('add chain ip knat late');
    }
  }, options);
  open.push({ close });
  for (let round = 0; round < 50; round++) {
    const batch = new Batch();
    batch.addElements('ip', 'knat', 'm', [element(round)]);
    connection.commit(batch);
  }
  await vi.waitFor(() => expect(told).toContain('NFT_MSG_NEWCHAIN late'));
});

test('notices within 5 ms', async () => {
  nft(TABLE);
  const connection = connect();
  const took: number[] = [];
  let started = 0;
  const close = watchNftables((event) => {
    if (event.type === 'NFT_MSG_NEWGEN') took.push(performance.now() - started);
  });
  open.push({ close });
  for (let i = 0; i < 21; i++) {
    const batch = new Batch();
    batch.addElements('ip', 'knat', 'm', [element(i)]);
    started = performance.now();
    connection.commit(batch);
    await vi.waitFor(() => expect(took).toHaveLength(i + 1), { interval: 10 });
  }
  expect(took.sort((a, b) => a - b)[10]).toBeLessThan(5);
});

test('tells nothing once it is closed', async () => {
  const events = listen();
  for (const one of open.splice(0)) one.close();
  nft(TABLE);
  await pause(20);
  expect(events).toEqual([]);
});

function element(i: number) {
  const key = Uint8Array.of(10, 0, i >> 8, i);
  return { key, data: key };
}
