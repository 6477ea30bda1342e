import { expect, test } from 'vitest';
import type { TraceEvent } from '../wire/nftables/trace.ts';
import { type AssembledPacket, Assembly, SILENCE } from './assembly.ts';
import { TRACE_TABLE } from './trace-table.ts';

const headers = { network: Uint8Array.of(0x45), transport: new Uint8Array(0) };

function event(table: string, chain: string, rest: Partial<TraceEvent> = {}): TraceEvent {
  return {
    ...{ id: 1, family: 'ip', table, chain, type: 'policy', handle: null, verdict: { code: 'accept' } },
    ...{ headers, iif: 1, oif: null, mark: 0, connection: null },
    ...rest,
  };
}

const start = (id = 1) => event(TRACE_TABLE, 'prerouting_ask', { id, type: 'rule', handle: 1n });
const own = (chain: string, id = 1) => event(TRACE_TABLE, chain, { id, oif: 2 });
const rule = (rest: Partial<TraceEvent> = {}) =>
  event('other', 'guard', { type: 'rule', handle: 5n, ...rest });

function assembled(events: readonly TraceEvent[], later = SILENCE): AssembledPacket[] {
  const done: AssembledPacket[] = [];
  const assembly = new Assembly((packet) => done.push(packet));
  for (const one of events) assembly.take(one, 0);
  assembly.settle(later);
  return done;
}

const way = ['prerouting_end', 'forward_begin', 'forward_end', 'postrouting_begin', 'postrouting_end'];

test('a packet leaves; our own chains are no steps', () => {
  const [packet, ...others] = assembled([start(), rule(), ...way.map((chain) => own(chain))]);
  expect(others).toEqual([]);
  expect(packet).toMatchObject({ ending: { kind: 'left' }, oif: 2, iif: 1, cut: 0 });
  expect(packet?.runs.map(({ chain }) => chain.chain)).toEqual(['guard']);
  expect(packet?.hooks).toEqual(['prerouting', 'forward', 'postrouting']);
});

test.each([
  [[start(), rule({ verdict: { code: 'drop' } })], { kind: 'dropped' }],
  [[start(), rule({ verdict: { code: 0x0003_0003 } })], { kind: 'handed over' }],
  [[start(), own('prerouting_end'), own('input_begin'), own('input_end')], { kind: 'delivered' }],
  [[start(), rule()], { kind: 'gone', behind: 'prerouting', complete: false }],
  [[start(), own('prerouting_end')], { kind: 'gone', behind: 'prerouting', complete: true }],
  [
    [start(), own('prerouting_end'), own('forward_begin')],
    { kind: 'gone', behind: 'forward', complete: false },
  ],
])('how it ends: %#', (events, ending) => {
  expect(assembled(events).map((packet) => packet.ending)).toEqual([ending]);
});

test('packets that others trace are left out', () => {
  expect(assembled([rule(), own('postrouting_end'), rule({ verdict: { code: 'drop' } })])).toEqual([]);
});

test('a number that is used again is another packet', () => {
  const packets = assembled([start(), rule(), start(), rule({ verdict: { code: 'drop' } })]);
  expect(packets.map(({ ending }) => ending.kind)).toEqual(['gone', 'dropped']);
});

test('packets at the same time do not mix', () => {
  const drop = rule({ id: 2, verdict: { code: 'drop' } });
  const packets = assembled([
    start(1),
    start(2),
    rule({ id: 1 }),
    drop,
    ...way.map((chain) => own(chain, 1)),
  ]);
  expect(packets.map(({ ending }) => ending.kind)).toEqual(['dropped', 'left']);
});

test('it is waited for while steps come', () => {
  const done: AssembledPacket[] = [];
  const assembly = new Assembly((packet) => done.push(packet));
  assembly.take(start(), 0);
  assembly.take(rule(), SILENCE - 10);
  expect(assembly.settle(SILENCE)).toBe(SILENCE - 10);
  expect(done).toEqual([]);
  expect(assembly.settle(2 * SILENCE)).toBeNull();
  expect(done).toHaveLength(1);
});

test('bounded in packets and in steps; the step that drops is kept', () => {
  expect(
    assembled(
      Array.from({ length: 100 }, (_, id) => start(id)),
      0,
    ),
  ).toHaveLength(36);
  const many = Array.from({ length: 1000 }, () => rule({ headers: null }));
  const [packet] = assembled([start(), ...many, rule({ headers: null, verdict: { code: 'drop' } })]);
  expect(packet?.runs.flatMap(({ steps }) => steps)).toHaveLength(201);
  expect(packet?.cut).toBe(801);
});
