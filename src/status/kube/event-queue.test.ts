import { expect, test } from 'vitest';
import type { EventFact } from './event-facts.ts';
import { EventQueue, type Waiting } from './event-queue.ts';

function fact(name: string, note: string): EventFact {
  return { reason: 'NatApplied', object: { kind: 'Pod', namespace: 'shop', name }, note };
}

/** Tells all that may be told at this time. */
function drain(queue: EventQueue, now: number): string[] {
  const reported: string[] = [];
  for (;;) {
    const next = queue.next(now);
    if (next === null || typeof next === 'number') return reported;
    queue.attempt(now);
    queue.done(next, now);
    reported.push(`${next.fact.object.name}: ${next.fact.note}`);
  }
}

test('a fact is sent once, until it changes or comes back', () => {
  const queue = new EventQueue(0);
  queue.observe([fact('a', '1'), fact('b', '1')]);
  expect(drain(queue, 0)).toEqual(['a: 1', 'b: 1']);
  queue.observe([fact('a', '1'), fact('b', '2')]);
  expect(drain(queue, 0)).toEqual(['b: 2']);
  queue.observe([fact('b', '2')]);
  queue.observe([fact('a', '1'), fact('b', '2')]);
  expect(drain(queue, 0)).toEqual(['a: 1']);
});

test('a fact that an earlier agent sent is not sent again', () => {
  const queue = new EventQueue(0);
  queue.known([fact('a', '1'), fact('b', '1')]);
  queue.observe([fact('a', '1'), fact('b', '2')]);
  expect(drain(queue, 0)).toEqual(['b: 2']);
});

test('a fact that ends while it waits is not sent, one that changes is sent in its last form', () => {
  const queue = new EventQueue(0);
  queue.observe([fact('a', '1'), fact('b', '1')]);
  queue.observe([fact('b', '2')]);
  const next = queue.next(0) as Waiting;
  expect(next).toEqual({ fact: fact('b', '2'), times: 2 });
  queue.done(next, 0);
  expect(queue.next(0)).toBeNull();
});

test('a fact that changes while it is being sent waits again', () => {
  const queue = new EventQueue(0);
  queue.observe([fact('a', '1')]);
  const first = queue.next(0) as Waiting;
  queue.observe([fact('a', '2')]);
  queue.done(first, 0);
  expect(drain(queue, 0)).toEqual(['a: 2']);
});

test('five Events of one object at once, then one in 30 s; others are not held up', () => {
  const queue = new EventQueue(0);
  for (let note = 1; note <= 6; note++) {
    queue.observe([fact('a', String(note))]);
    drain(queue, 0);
  }
  queue.observe([fact('a', '6'), fact('b', '1')]);
  expect(drain(queue, 0)).toEqual(['b: 1']);
  expect(queue.next(0)).toBe(30_000);
  expect(drain(queue, 30_000)).toEqual(['a: 6']);
});

test('fifty Events at once, then ten in a second', () => {
  const queue = new EventQueue(0);
  queue.observe(Array.from({ length: 70 }, (_, index) => fact(`pod-${index}`, '1')));
  expect(drain(queue, 0)).toHaveLength(50);
  expect(queue.next(0)).toBe(100);
  expect(drain(queue, 1_000)).toHaveLength(10);
});

test('a fact that cannot be sent does not hold up the others', () => {
  const queue = new EventQueue(0);
  queue.observe([fact('a', '1'), fact('b', '1')]);
  queue.postpone(queue.next(0) as Waiting);
  expect(drain(queue, 0)).toEqual(['b: 1', 'a: 1']);
});
