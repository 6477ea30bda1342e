import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutTo, padded, textWidth } from './text-width.ts';

test.each([
  ['plain', 5],
  ['→ …', 3],
  ['日本', 4],
  ['e\u0301', 1],
  ['👩‍💻', 2],
])('%s takes %d columns', (text, columns) => {
  expect(textWidth(text)).toBe(columns);
});

test('a cut text fits, a filled one takes all columns', () => {
  const texts = fc.string({ unit: fc.constantFrom('a', ' ', '語', 'e\u0301', '👩‍💻') });
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 20 }), (text, columns) => {
      const cut = cutTo(text, columns);
      expect(textWidth(cut)).toBeLessThanOrEqual(columns);
      expect(textWidth(padded(cut, columns))).toBe(columns);
    }),
  );
});
