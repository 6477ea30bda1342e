import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ip, portOf } from '../../../test/generators/build.ts';
import type { Endpoint } from '../../plan/entry.ts';
import { arrange, inSlot, type Slots } from './slots.ts';

/** Endpoints of one view in any order, often the sorted one, which the plan gives. */
const view = fc
  .tuple(fc.uniqueArray(fc.nat(30), { maxLength: 25 }), fc.boolean())
  .map(([numbers, isSorted]) =>
    (isSorted ? [...numbers].sort((a, b) => a - b) : numbers).map(
      (number): Endpoint => ({ address: ip(`10.0.0.${number >> 1}`), port: portOf(80 + (number & 1)) }),
    ),
  );

const names = ({ endpoints, order }: Slots) =>
  endpoints.map((_, slot) => {
    const { address, port } = inSlot({ endpoints, order }, slot);
    return `${address} ${port}`;
  });

test('every endpoint has one slot, and those that stay keep theirs', () => {
  fc.assert(
    fc.property(fc.array(view, { minLength: 1, maxLength: 8 }), (views) => {
      let slots: Slots = { endpoints: [], order: null };
      for (const endpoints of views) {
        const before = names(slots);
        slots = { endpoints, order: arrange(slots, endpoints) };
        const now = names(slots);
        expect([...now].sort()).toEqual(names({ endpoints, order: null }).sort());
        for (const [slot, name] of before.entries()) {
          if (slot < now.length && now.includes(name)) expect(now[slot]).toBe(name);
        }
      }
    }),
  );
});

test('the same list keeps its order, and an order as in the plan is none', () => {
  const endpoints = [1, 2, 3].map((last) => ({ address: ip(`10.0.0.${last}`), port: portOf(80) }));
  const slots = { endpoints, order: [2, 0, 1] };
  expect(arrange(slots, endpoints)).toBe(slots.order);
  expect(arrange({ endpoints, order: null }, [...endpoints])).toBeNull();
});
