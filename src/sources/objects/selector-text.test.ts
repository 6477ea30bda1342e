import { expect, test } from 'vitest';
import { selects } from '../../model/label-selector.ts';
import { parseSelectorText } from './selector-text.ts';

test.each<[string, Readonly<Record<string, string>>, boolean]>([
  ['a=b', { a: 'b' }, true],
  ['a==b', { a: 'c' }, false],
  ['a=', { a: '' }, true],
  ['a!=b', {}, true],
  ['a!=b', { a: 'b' }, false],
  ['knat.dev/pod-nat=allowed, team in (mail, shop)', { 'knat.dev/pod-nat': 'allowed', team: 'shop' }, true],
  ['knat.dev/pod-nat=allowed, team in (mail, shop)', { team: 'shop' }, false],
  ['team notin (mail,shop)', { team: 'shop' }, false],
  ['team', { team: '' }, true],
  ['!team', { team: '' }, false],
  ['! team', {}, true],
])('%s selects %j: %s', (text, labels, isSelected) => {
  const selector = parseSelectorText(text);
  if ('wrong' in selector) throw new Error(selector.wrong);
  expect(selects(selector, labels)).toBe(isSelected);
});

test.each([
  ['', ''],
  ['a=b,', ''],
  ['a=b c', 'a=b c'],
  ['a in b', 'a in b'],
  ['a in (b', 'a in (b'],
  ['-a', '-a'],
  ['a>1', 'a>1'],
])('%j is none', (text, wrong) => {
  expect(parseSelectorText(text)).toEqual({ wrong });
});
