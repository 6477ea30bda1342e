import fc from 'fast-check';
import { expect, test } from 'vitest';
import { edited, editOf } from './edit.ts';

const value = fc.jsonValue({ maxDepth: 4 });
/** A value that is like another one. */
const pair = fc.tuple(value, value).chain(([a, b]) =>
  fc.oneof(
    fc.constant([a, b] as const),
    fc.constant([
      { x: a, list: [a, b, a] },
      { x: a, list: [a, a] },
    ] as const),
    fc.constant([{ x: a, gone: 1 }, { x: b }] as const),
    fc.constant([
      [a, { x: 1, y: b }, b],
      [a, { x: 2, y: b }, b],
    ] as const),
  ),
);

test('an edit makes the one value of the other, also after it was written as JSON', () => {
  fc.assert(
    fc.property(pair, ([before, after]) => {
      const [a, b] = [plain(before), plain(after)];
      const edit = editOf(a, b);
      const read = edit === null ? null : JSON.parse(JSON.stringify(edit));
      expect(read === null ? a : edited(a, read)).toEqual(b);
    }),
    { numRuns: 1000 },
  );
});

test('an edit names only what changed', () => {
  const endpoints = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) => ({ address, ready: true }));
  const slice = { name: 'web', endpoints };
  expect(editOf(slice, slice)).toBeNull();
  expect(editOf(slice, structuredClone(slice))).toBeNull();
  const unready = { ...slice, endpoints: endpoints.with(1, { address: '10.0.0.2', ready: false }) };
  expect(editOf(slice, unready)).toEqual({ endpoints: [1, { ready: [false] }] });
  const fewer = { ...slice, endpoints: endpoints.slice(0, 2) };
  expect(editOf(slice, fewer)).toEqual({ endpoints: [2, 1, []] });
  expect(editOf({ labels: {} }, { labels: JSON.parse('{"__proto__": "x"}') })).toEqual({
    labels: [JSON.parse('{"__proto__": "x"}')],
  });
});

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
