import { expect, test } from 'vitest';
import { giveMemoryBack } from './garbage.ts';

/** MiB of the heap, with its free pages. */
function heapMiB(): number {
  return process.memoryUsage().heapTotal / 2 ** 20;
}

test('memory of garbage is given back, although kept objects are between it', async () => {
  await giveMemoryBack();
  const before = heapMiB();
  const kept: object[] = [];
  let garbage: object[] = [];
  for (let i = 0; i < 300_000; i++) (i % 8 === 0 ? kept : garbage).push({ i, list: [i, i + 1, i + 2] });
  const full = heapMiB();
  garbage = [];
  await giveMemoryBack();
  expect(kept.length + garbage.length).toBe(37_500);
  expect(full - before).toBeGreaterThan(20);
  expect(heapMiB() - before).toBeLessThan((full - before) / 3);
});
