import { expect, test } from 'vitest';
import { BoundedMap } from './bounded-map.ts';

test('the oldest entry goes first, and an entry that is set again is new', () => {
  const map = new BoundedMap<string, number>(2).set('a', 1).set('b', 2).set('a', 3).set('c', 4);
  expect([...map]).toEqual([
    ['a', 3],
    ['c', 4],
  ]);
});

test('in any order of setting and deleting, the newest stay', () => {
  const map = new BoundedMap<number, number>(8);
  const order: number[] = [];
  for (let step = 0; step < 2_000; step++) {
    const key = (step * 7919) % (step % 3 === 0 ? 5 : 31);
    order.splice(order.indexOf(key) >>> 0, 1);
    if (step % 5 === 0) map.delete(key);
    else {
      map.set(key, step);
      order.push(key);
      if (order.length > 8) order.shift();
    }
    if (step === 1_000) {
      map.clear();
      order.length = 0;
    }
    expect([...map.keys()]).toEqual(order);
  }
});
