import type { Host } from '../src/lab/host.ts';
import { enterNamespace } from '../test/netns/namespace.ts';

/** A table that makes a node track connections, as every node of a cluster does, and does nothing else. */
export const TRACK = `table inet track {
  chain forward { type filter hook forward priority 0; policy accept; ct state established accept; }
}
`;

/** Runs a synchronous function in the network namespace of the host. */
export function inNamespace<T>(host: Host, act: () => T): T {
  const leave = enterNamespace(host.namespace);
  try {
    return act();
  } finally {
    leave();
  }
}

/** The value below which this share of the values is: 0.5 is the median. NaN without values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN;
}
