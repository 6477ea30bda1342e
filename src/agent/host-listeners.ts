import { readFileSync } from 'node:fs';
import { every } from '../base/beat.ts';
import { deepEqual } from '../model/equal.ts';
import type { HostListener } from '../model/node.ts';
import type { PortSpan } from '../net/port.ts';
import { formatListener } from '../plan/host-listeners.ts';
import { Busy } from '../wire/errors.ts';
import { SockDiagConnection } from '../wire/sock-diag/connection.ts';
import type { TakingSocket } from '../wire/sock-diag/message.ts';
import { SocketCounts } from './socket-counts.ts';
import type { TakenPortSource } from './taken-ports.ts';

/**
 * Milliseconds between two looks; docs/pod-nat.md names it. The kernel does not notify when a socket starts to listen.
 * A look is six dumps of listening sockets, well below a millisecond on a common host, and the most frequent work of an
 * agent at rest.
 */
const INTERVAL = 2_000;

/** Milliseconds after which the sockets are listed even if their number is the same. */
const LIST_EVERY = 10_000;

/** Milliseconds before a UDP socket on an ephemeral port counts: most belong to clients with a single question. */
const LASTING = 10_000;

const TROUBLE = 'KNAT_LISTENERS_UNSEEN';

export interface ListenerClock {
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Returns a function that stops it. */
  every(milliseconds: number, task: () => void): () => void;
}

export const processClock: ListenerClock = {
  now: () => performance.now(),
  every,
};

/** The sockets of this network namespace that listen, by NETLINK_SOCK_DIAG. */
export class KernelListeners implements TakenPortSource {
  readonly #connection = new SockDiagConnection();
  readonly #counts: Pick<SocketCounts, 'read' | 'close'>;
  readonly #clock: ListenerClock;
  /** What the last list was made of; counts are null if the next look lists again in any case. */
  #listed: { readonly at: number; readonly counts: string | null } = { at: 0, counts: null };
  /** By cookie; only the sockets that exist now. */
  #seenAt: ReadonlyMap<bigint, number> = new Map();
  #listeners: readonly HostListener[] = [];
  #problem: string | null = null;

  constructor(clock: ListenerClock, counts: Pick<SocketCounts, 'read' | 'close'> = new SocketCounts()) {
    this.#clock = clock;
    this.#counts = counts;
    this.look();
  }

  current(): { readonly listeners: readonly HostListener[] } {
    return { listeners: this.#listeners };
  }

  watch(onChange: () => void, trouble: (code: typeof TROUBLE, message: string | null) => void): () => void {
    trouble(TROUBLE, this.#problem);
    return this.#clock.every(INTERVAL, () => {
      const before = this.#problem;
      if (this.look()) onChange();
      if (this.#problem !== before) trouble(TROUBLE, this.#problem);
    });
  }

  /**
   * True when the listeners changed. While sockets cannot be read, the last ones stay. They are not listed while their
   * number is the same, but at least every LIST_EVERY.
   */
  look(): boolean {
    const now = this.#clock.now();
    const counts = this.#counts.read();
    const { at, counts: before } = this.#listed;
    if (counts !== null && counts === before && now - at < LIST_EVERY) return false;
    this.#listed = { at: now, counts: null };
    try {
      const sockets = this.#connection.takingSockets();
      const { listeners, seenAt, hasYoung } = lasting(sockets, this.#seenAt, now, givenOutPorts());
      if (!hasYoung) this.#listed = { at: now, counts };
      const changed = !deepEqual(listeners, this.#listeners);
      this.#seenAt = seenAt;
      this.#listeners = listeners;
      this.#problem = null;
      return changed;
    } catch (error) {
      if (!(error instanceof Busy)) this.#problem = error instanceof Error ? error.message : String(error);
      return false;
    }
  }

  close(): void {
    this.#counts.close();
    this.#connection.close();
  }
}

/**
 * Sockets that count as listeners, sorted, without duplicates: all except UDP sockets on ephemeral ports younger than
 * LASTING.
 *
 * @param seenAt when sockets were first seen, by cookie
 */
export function lasting(
  sockets: readonly TakingSocket[],
  seenAt: ReadonlyMap<bigint, number>,
  now: number,
  givenOut: PortSpan,
): {
  readonly listeners: readonly HostListener[];
  readonly seenAt: ReadonlyMap<bigint, number>;
  /** A socket does not count yet. */
  readonly hasYoung: boolean;
} {
  let hasYoung = false;
  const stillThere = new Map<bigint, number>();
  const listeners = new Map<string, HostListener>();
  for (const { cookie, protocol, port, address, families } of sockets) {
    const since = seenAt.get(cookie) ?? now;
    stillThere.set(cookie, since);
    const isGivenOut = protocol === 'UDP' && port >= givenOut.first && port <= givenOut.last;
    if (isGivenOut && now - since < LASTING) {
      hasYoung = true;
      continue;
    }
    const listener = { protocol, port, address, families };
    listeners.set(`${protocol} ${families.join()} ${formatListener(listener)}`, listener);
  }
  const sorted = [...listeners].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, listener]) => listener);
  return { listeners: sorted, seenAt: stillThere, hasYoung };
}

/** `net.ipv4.ip_local_port_range`, which applies to IPv6 too; the kernel's default if unreadable. */
function givenOutPorts(): PortSpan {
  try {
    const text = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    const [first = 32_768, last = 60_999] = text.trim().split(/\s+/).map(Number);
    return { first, last };
  } catch {
    return { first: 32_768, last: 60_999 };
  }
}
