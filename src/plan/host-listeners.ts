import { firstReached, grouped } from '../base/collect.ts';
import type { HostListener } from '../model/node.ts';
import { familyOf, formatEndpoint, type IpAddress } from '../net/address.ts';
import type { Protocol } from '../net/protocol.ts';
import type { Tuple } from './entry.ts';

/** The listeners of each protocol by port; computed once, since lists never change. */
const byPort = new WeakMap<readonly HostListener[], ReadonlyMap<Protocol, readonly HostListener[]>>();

/**
 * The listeners that receive packets to these ports of the address, in order of ports, one for each port: one bound to the
 * address, else one bound to every address of its family. docs/spec/pod-nat.md, "Who wins".
 */
export function listenersIn(
  listeners: readonly HostListener[],
  { address, protocol, port }: Tuple,
  portCount: number,
): HostListener[] {
  const sorted = sortedOf(listeners).get(protocol) ?? [];
  const found: HostListener[] = [];
  const from = firstReached(sorted, (listener) => listener.port >= port);
  for (let i = from; i < sorted.length; i++) {
    const listener = sorted[i] as HostListener;
    if (listener.port >= port + portCount) break;
    if (!takes(listener, address)) continue;
    if (found.at(-1)?.port !== listener.port) found.push(listener);
    else if (listener.address !== null && found.at(-1)?.address === null) found[found.length - 1] = listener;
  }
  return found;
}

function takes({ address: bound, families }: HostListener, address: IpAddress): boolean {
  return bound === address || (bound === null && families.includes(familyOf(address)));
}

function sortedOf(listeners: readonly HostListener[]): ReadonlyMap<Protocol, readonly HostListener[]> {
  const known = byPort.get(listeners);
  if (known !== undefined) return known;
  const ordered = [...listeners].sort((a, b) => a.port - b.port);
  const sorted = grouped(ordered, ({ protocol }) => protocol);
  byPort.set(listeners, sorted);
  return sorted;
}

/** `192.0.2.1:22`, `*:22`: where the socket is bound, as ss(8) writes it. */
export function formatListener({ address, port }: HostListener): string {
  return address === null ? `*:${port}` : formatEndpoint(address, port);
}
