import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findJsonError } from './json-error.ts';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('findJsonError', () => {
  test.each([
    ['{"a": 1,\n"b": }', 14],
    ['{"a": 1,}', 8],
    ['[1,]', 3],
    ['[', 1],
    ['{"a"', 4],
    ['"abc', 4],
    ['"a\\x"', 2],
    ['"a\nb"', 2],
    ['01', 1],
    ['-', 0],
    ['', 0],
    ['tru', 0],
    ['[1}', 2],
    ['{1:2}', 1],
  ])('%j: the error is at %d', (text, offset) => {
    expect(findJsonError(text)?.offset).toBe(offset);
  });

  test('a second document is distinguished from an error', () => {
    expect(findJsonError('{} {}')).toEqual({ offset: 3, isTrailing: true });
    expect(findJsonError('{} ')).toBeNull();
  });

  test('agrees with JSON.parse about what is JSON', () => {
    const damaged = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.nat(2),
        fc.constantFrom('', ',', '"', '}', ']', '{', '[', ':', '0', '\\', '\n', 'e'),
      )
      .map(([text, at, cut, insert]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + insert + text.slice(place + cut);
      });
    fc.assert(
      fc.property(fc.oneof(fc.json(), damaged, fc.string()), (text) => {
        expect(findJsonError(text) === null).toBe(isJson(text));
      }),
      { numRuns: 3000 },
    );
  });

  test('deep nesting is no error', () => {
    expect(findJsonError('['.repeat(200_000) + ']'.repeat(200_000))).toBeNull();
  });
});
