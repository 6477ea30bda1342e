import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteWriter } from '../bytes.ts';
import { Malformed } from '../errors.ts';
import { writeNfgenmsg } from '../messages.ts';
import { nftType } from './numbers.ts';
import { readTrace } from './trace.ts';

/** A message with these attributes. */
function message(attributes: readonly (readonly [number, Uint8Array])[], family = 2) {
  const writer = new ByteWriter();
  writeNfgenmsg(writer, family);
  for (const [type, payload] of attributes) {
    const start = writer.open(type);
    writer.raw(payload);
    writer.close(start);
  }
  const bytes = writer.written.slice();
  const type = nftType('NFT_MSG_TRACE');
  return { type, flags: 0, sequence: 0, portId: 0, bytes, start: 0, end: bytes.length };
}

const text = (value: string) => new TextEncoder().encode(`${value}\0`);
const number = (value: number) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
/** NFTA_VERDICT_CODE */
const verdict = (code: number) => Uint8Array.of(8, 0, 1, 0, ...number(code));

const step = [
  [1, text('filter')],
  [2, text('FORWARD')],
  [6, number(0xabcd)],
] as const;

test('a rule, with headers and connection', () => {
  const read = readTrace(
    message([
      ...step,
      [3, new Uint8Array([0, 0, 0, 0, 0, 0, 0, 9])],
      [4, number(3)],
      [5, verdict(0)],
      [8, Uint8Array.of(0x45)],
      [10, number(2)],
      [18, number(77)],
      [19, Uint8Array.of(1)],
      [20, number(0x20)],
      [21, number(2)],
    ]),
  );
  expect(read).toEqual({
    ...{ id: 0xabcd, family: 'ip', table: 'filter', chain: 'FORWARD', type: 'rule', handle: 9n, mark: 0 },
    verdict: { code: 'drop' },
    headers: { network: Uint8Array.of(0x45), transport: new Uint8Array(0) },
    ...{ iif: 2, oif: null },
    connection: { state: 'established', id: 77, direction: 'reply', status: 0x20 },
  });
});

test('a policy, and the end of a chain on kernels that call it a rule', () => {
  const policy = readTrace(message([...step, [4, number(1)], [16, number(1)]]));
  expect(policy).toMatchObject({
    type: 'policy',
    verdict: { code: 'accept' },
    connection: null,
    handle: null,
  });
  const end = readTrace(message([...step, [4, number(3)], [5, verdict(-1)]]));
  expect(end).toMatchObject({ type: 'return', verdict: { code: 'continue' } });
});

test('other messages are none', () => {
  expect(readTrace({ ...message([...step, [4, number(1)], [16, number(1)]]), type: 0x0a00 })).toBeNull();
  expect(readTrace(message([...step, [4, number(9)], [16, number(1)]]))).toBeNull();
  expect(readTrace(message([...step, [4, number(3)]]))).toBeNull();
});

test('any bytes are read or Malformed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const type = nftType('NFT_MSG_TRACE');
      try {
        readTrace({ type, flags: 0, sequence: 0, portId: 0, bytes, start: 0, end: bytes.length });
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed);
      }
    }),
  );
});
