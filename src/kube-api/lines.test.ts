import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linesOf } from './lines.ts';

async function* chunksOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (const size of sizes) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}

async function read(chunks: AsyncIterable<Buffer>, limit?: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const some of linesOf(chunks, limit)) lines.push(...some);
  return lines;
}

test('however a stream is cut, the lines are the same', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => text.replaceAll('\n', ' '))),
      fc.array(fc.integer({ min: 0, max: 7 })),
      async (lines, sizes) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        expect(await read(chunksOf(bytes, sizes))).toEqual(lines);
      },
    ),
  );
});

test('bytes after the last line end are no line', async () => {
  expect(await read(chunksOf(Buffer.from('{"a":1}\n{"b":'), [3]))).toEqual(['{"a":1}']);
});

test('empty lines are left out', async () => {
  expect(await read(chunksOf(Buffer.from('a\n\n\nb\n'), []))).toEqual(['a', 'b']);
});

test('a line without end is given up', async () => {
  await expect(read(chunksOf(Buffer.alloc(100, 'x'), [10, 10, 10]), 64)).rejects.toThrow(
    'longer than 64 bytes',
  );
  expect(await read(chunksOf(Buffer.from(`${'x'.repeat(60)}\n`), [10, 10, 10]), 64)).toHaveLength(1);
});
