import type { HostListener } from '../model/node.ts';
import { familyOf, formatEndpoint } from '../net/address.ts';
import type { Tuple } from './entry.ts';

/** Finds who of the host listens on a tuple; made once for many questions. */
export type ListenerFinder = (tuple: Tuple) => HostListener | undefined;

/**
 * The socket of the host that takes what is sent to the tuple: one that is bound to the address, else one that is bound
 * to every address of its family. specs/pod-nat.md, "Who wins".
 */
export function listenerFinder(listeners: readonly HostListener[]): ListenerFinder {
  const byPort = new Map<string, HostListener[]>();
  for (const listener of listeners) {
    const key = `${listener.protocol} ${listener.port}`;
    const others = byPort.get(key);
    if (others === undefined) byPort.set(key, [listener]);
    else others.push(listener);
  }
  return ({ address, protocol, port }) => {
    const candidates = byPort.get(`${protocol} ${port}`) ?? [];
    const family = familyOf(address);
    return (
      candidates.find((listener) => listener.address === address) ??
      candidates.find((listener) => listener.address === null && listener.families.includes(family))
    );
  };
}

/** `192.0.2.1:22`, `*:22`: where the socket is bound, as ss(8) writes it. */
export function formatListener({ address, port }: HostListener): string {
  return address === null ? `*:${port}` : formatEndpoint(address, port);
}
