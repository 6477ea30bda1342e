import { describe, expect, test, vi } from 'vitest';
import { Wake } from './wake.ts';

const never = new AbortController().signal;

describe('a wake', () => {
  test('a notification before the wait ends it at once, and counts once', async () => {
    const wake = new Wake({ sleep: async () => {} });
    wake.notify();
    wake.notify();
    expect(await wake.wait(null, never)).toBe(true);
    expect(await wake.wait(5, never)).toBe(false);
  });

  test.each([null, 60_000])('a notification during a wait of %s ms ends it', async (milliseconds) => {
    const wake = new Wake();
    const waiting = wake.wait(milliseconds, never);
    wake.notify();
    expect(await waiting).toBe(true);
  });

  test.each([null, 60_000])('an abort ends a wait of %s ms, and leaves no listener', async (milliseconds) => {
    const stop = new AbortController();
    const removed = vi.spyOn(stop.signal, 'removeEventListener');
    const wake = new Wake();
    const waiting = wake.wait(milliseconds, stop.signal);
    stop.abort();
    expect(await waiting).toBe(false);
    expect(removed).toHaveBeenCalledTimes(1);
    expect(await wake.wait(milliseconds, stop.signal)).toBe(false);
  });
});
