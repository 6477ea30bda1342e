import type { AddressInfo, Server } from 'node:net';
import { type ConnectionBounds, Connections } from './connections.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface ListeningListener {
  listening(address: ListenAddress): void;
  /** Called once per reason; the address will be retried. */
  refused(message: string): void;
}

/** For messages. */
export interface Served {
  /** `health`. */
  readonly what: string;
  /** The option that changes the address. */
  readonly option: string;
  /** A program that often uses the port: `, perhaps kube-proxy`; or empty. */
  readonly rival: string;
  /** Longest wait between attempts in milliseconds; absent: 30 s. */
  readonly retryMost?: number;
  /** Absent: DEFAULT_BOUNDS. */
  readonly bounds?: ConnectionBounds;
}

/** Milliseconds between attempts. */
const RETRY_FIRST = 1_000;
const RETRY_LONGEST = 30_000;

/**
 * Keeps a server listening until the signal aborts, then cuts its connections, whose number is bounded. A used address
 * is retried, since a kube-proxy there may be about to be removed.
 *
 * @param make returns a server that is ready to listen; an error counts as a refusal
 */
export async function keepListening(
  address: ListenAddress,
  served: Served,
  make: () => Server | Promise<Server>,
  listener: ListeningListener,
  sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let reported = '';
  for (
    let wait = RETRY_FIRST;
    !signal.aborted;
    wait = Math.min(wait * 2, served.retryMost ?? RETRY_LONGEST)
  ) {
    const stop = new AbortController();
    try {
      const server = await make();
      const connections = new Connections(served.bounds);
      connections.guard(server);
      await listen(server, address);
      const { port } = server.address() as AddressInfo;
      const closed = closedAtAbort(server, connections, AbortSignal.any([signal, stop.signal]));
      // If the agent has ended meanwhile, the server is closed immediately and not announced.
      if (!signal.aborted) listener.listening({ ...address, port });
      return await closed;
    } catch (error) {
      if (signal.aborted) return;
      stop.abort(); // closes a server that listens although a later step failed
      const message = refusal(address, served, error as NodeJS.ErrnoException);
      if (message !== reported) listener.refused(message);
      reported = message;
      await sleep(wait, signal);
    }
  }
}

export function formatListenAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function listen(server: Server, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      server.on('error', () => {}); // accept(2) failed; the next connection may succeed
      resolve();
    });
  });
}

function closedAtAbort(server: Server, connections: Connections, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const close = () => {
      server.close(() => resolve());
      connections.close();
    };
    if (signal.aborted) close();
    else signal.addEventListener('abort', close, { once: true });
  });
}

function refusal(
  address: ListenAddress,
  { what, option, rival }: Served,
  error: NodeJS.ErrnoException,
): string {
  const why =
    error.code === 'EADDRINUSE'
      ? `another program listens there${rival}: stop it`
      : error.code === 'EADDRNOTAVAIL'
        ? 'this network namespace does not have the address'
        : error.message;
  return `${what} cannot be served on ${formatListenAddress(address)}: ${why}, or choose another with ${option}`;
}
