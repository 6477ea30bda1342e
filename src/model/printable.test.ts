import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasUnseen, printable, printableJson, printableLines } from './printable.ts';

test.each([
  ['shop/web', 'shop/web'],
  ['Zürich → 日本 👍', 'Zürich → 日本 👍'],
  ['a\u001b[2Jb', 'a\\u001b[2Jb'],
  ['\u001b]52;c;aGk=\u0007', '\\u001b]52;c;aGk=\\u0007'],
  ['\u009b31m', '\\u009b31m'],
  ['a\nKernel matches', 'a\\nKernel matches'],
  ['a\r\tb\u007f', 'a\\r\\tb\\u007f'],
  ['\u202egnp\u202c\u2066x\u2069', '\\u202egnp\\u202c\\u2066x\\u2069'],
  ['we\u200bb\ufeff\u2028', 'we\\u200bb\\ufeff\\u2028'],
  ['\u{e0041}', '\\u{e0041}'],
  ['\ud800', '\\ud800'],
])('%j', (text, shown) => {
  expect(printable(text)).toBe(shown);
  expect(hasUnseen(text)).toBe(text !== shown);
});

test('lines that a text has stay', () => {
  expect(printableLines('a\nb\u001b')).toBe('a\nb\\u001b');
});

test('any text: nothing unseen is left, and JSON says the same', () => {
  const any = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(any, any, (key, value) => {
      expect(hasUnseen(printable(value))).toBe(false);
      const data = { [`k${key}`]: value };
      const json = printableJson(JSON.stringify(data, null, 2));
      expect(hasUnseen(json.replaceAll('\n', ''))).toBe(false);
      expect(JSON.parse(json)).toEqual(data);
    }),
  );
});
