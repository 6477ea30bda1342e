import { expect, test } from 'vitest';
import { descriptorGrowthOf, type Footprint, slopeOf } from './memory.ts';

const life = (faults: number, descriptors: (age: number) => number, mebibytes = (_age: number) => 100) =>
  Array.from(
    { length: faults },
    (_, age): Footprint => ({ age, descriptors: descriptors(age), rssBytes: mebibytes(age) * 2 ** 20 }),
  );

test('one descriptor for each tenth fault is growth; connections that come and go are none', () => {
  expect(descriptorGrowthOf(life(90, (age) => 40 + Math.floor(age / 10)))).toBe(6);
  expect(descriptorGrowthOf(life(90, (age) => 40 + (age % 7)))).toBe(0);
  expect(descriptorGrowthOf(life(2, (age) => 40 + age))).toBe(0);
});

test('the slope of memory is MiB for each 1,000 faults', () => {
  const slope = slopeOf(
    life(
      90,
      () => 40,
      (age) => 100 + age / 500,
    ),
  );
  expect(slope).toBeCloseTo(2);
});
