import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TopCounter } from './top-counter.ts';

test('counts are exact while there are places, else too low by no more than is said', () => {
  const keys = fc.array(fc.nat(12), { maxLength: 300 });
  fc.assert(
    fc.property(keys, fc.integer({ min: 1, max: 15 }), (all, places) => {
      const counter = new TopCounter<number>(places);
      for (const key of all) counter.add(key);
      const found = new Map(counter.top(places).map(({ key, count }) => [key, count]));
      expect(counter.uncertainty).toBeLessThanOrEqual(all.length / (places + 1));
      for (const key of new Set(all)) {
        const real = all.filter((one) => one === key).length;
        const counted = found.get(key) ?? 0;
        expect(counted).toBeLessThanOrEqual(real);
        expect(counted).toBeGreaterThanOrEqual(real - counter.uncertainty);
      }
    }),
  );
});
