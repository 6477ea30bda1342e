import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shiftPieces } from './port-offset.ts';

/** nf_nat_l4proto_unique_tuple with NF_NAT_RANGE_PROTO_OFFSET and base_proto 0. */
function kernel(port: number, first: number, last: number): number {
  return first + (port % (last - first + 1));
}

const shift = fc
  .integer({ min: 1, max: 65535 })
  .chain((count) =>
    fc.tuple(
      fc.integer({ min: 1, max: 65536 - count }),
      fc.integer({ min: 1, max: 65536 - count }),
      fc.constant(count),
    ),
  );

test('each port becomes the port with the same place in the other range', () => {
  fc.assert(
    fc.property(shift, ([from, to, count]) => {
      let next = from;
      for (const piece of shiftPieces(from, to, count)) {
        expect(piece.port).toBe(next);
        const last = piece.becomes + piece.count - 1;
        expect(piece.becomes).toBe(to + piece.port - from);
        for (const offset of [0, 1, piece.count >> 1, piece.count - 1]) {
          if (offset >= piece.count) continue;
          expect(kernel(piece.port + offset, piece.becomes, last)).toBe(piece.becomes + offset);
        }
        next += piece.count;
      }
      expect(next).toBe(from + count);
    }),
    { numRuns: 2000 },
  );
});

test('the pieces are few', () => {
  const pieces = (from: number, count: number) => shiftPieces(from, 1, count).length;
  expect([pieces(20_000, 10_000), pieces(10_000, 10_001), pieces(32_768, 32_768), pieces(5060, 1)]).toEqual([
    1, 2, 1, 1,
  ]);
  let sum = 0;
  for (let from = 1024; from < 50_000; from += 97) sum += pieces(from, 10_000);
  expect(sum / 505).toBeLessThan(12);
});
