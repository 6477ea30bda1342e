import { afterEach, expect, test, vi } from 'vitest';
import { abortWhenAsked } from './signals.ts';

afterEach(() => {
  process.removeAllListeners('SIGTERM');
  process.removeAllListeners('SIGINT');
  vi.restoreAllMocks();
});

test('the first signal aborts, the second ends the process at once', () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  const signal = abortWhenAsked();
  expect(signal.aborted).toBe(false);
  process.emit('SIGTERM');
  expect(signal.aborted).toBe(true);
  expect(exit).not.toHaveBeenCalled();
  process.emit('SIGINT');
  expect(exit).toHaveBeenCalledWith(130);
});

test('with patience the process ends, whatever keeps it', () => {
  vi.useFakeTimers();
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  abortWhenAsked(5000);
  process.emit('SIGTERM');
  vi.advanceTimersByTime(4999);
  expect(exit).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(exit).toHaveBeenCalledWith(143);
  vi.useRealTimers();
});
