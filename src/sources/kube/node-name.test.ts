import { expect, test } from 'vitest';
import { nodeThatFits } from './node-name.ts';

test.each([
  ['a', ['a', 'b'], 'a', true],
  ['a.x', ['a.x', 'b.x'], 'a.x', true],
  ['a', ['a.x', 'b.x'], 'a.x', true],
  ['a.x', ['a', 'b'], 'a', true],
  // The very name comes before all that are alike.
  ['a', ['a', 'a.x'], 'a', false],
  ['a.x', ['a.x', 'a.y'], 'a.x', false],
])('%s among %j is %s', (wanted, names, name, isShortNameUnique) => {
  expect(nodeThatFits(wanted, names)).toEqual({ name, shortName: 'a', isShortNameUnique });
});

test.each([
  ['a', ['a.x', 'a.y'], 'a matches several nodes (a.x, a.y): give the whole name'],
  ['a.x', ['a.y'], 'no node is named a.x: the cluster has a.y'],
  ['a', ['ab', 'b'], 'no node is named a: the cluster has ab, b'],
  ['a', [], 'no node is named a: the cluster has none'],
])('%s among %j is no node', (wanted, names, message) => {
  expect(() => nodeThatFits(wanted, names)).toThrow(message);
});
