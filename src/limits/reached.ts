import type { LimitName } from './table.ts';

/** Of this process: every room tells here, and the agent's metrics and findings read it. */
const times = new Map<LimitName, number>();
const listeners = new Set<(name: LimitName) => void>();

/** Call it when a limit has changed what happens: something was refused, cut off, put off or forgotten. */
export function limitReached(name: LimitName, count = 1): void {
  if (count <= 0) return;
  times.set(name, timesReached(name) + count);
  for (const listener of listeners) listener(name);
}

/** Since the process started. */
export function timesReached(name: LimitName): number {
  return times.get(name) ?? 0;
}

/** Called at each `limitReached`, also in the loop of NAT. Returns a function that ends it. */
export function onLimitReached(listener: (name: LimitName) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
