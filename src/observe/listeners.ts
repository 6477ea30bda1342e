import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { boundsOf, Connections } from './connections.ts';

/** An address and port, identified by `key`. */
export interface ListenAt {
  readonly key: string;
  readonly host: string;
  readonly port: number;
}

interface Listener {
  readonly at: ListenAt;
  readonly server: Server;
  /** Null while it listens or is about to. */
  refused: NodeJS.ErrnoException | null;
}

/** Total for all addresses: a load balancer asks from a few addresses for every Service. */
const BOUNDS = boundsOf({
  near: 'health-check-connections-near',
  far: 'health-check-connections-far',
  perSource: 'health-check-connections-of-source',
});
/** File descriptors reserved for everything else: netlink, other servers, programs. */
const RESERVED_DESCRIPTORS = 1_024;
/** Minimum number of listening addresses, however few descriptors there are. */
const FEWEST = 128;

/** Milliseconds before a connection is cut in any case. */
const CONNECTION_LIFE = 10_000;

/** Listens on a changing set of TCP addresses. Addresses that stay wanted keep their socket. */
export class Listeners {
  readonly #listeners = new Map<string, Listener>();
  /** Of all addresses; the owner makes it follow the requests. */
  readonly connections = new Connections(BOUNDS);
  readonly #connected: (socket: Socket, at: ListenAt) => void;
  readonly #changed: () => void;

  /** @param changed called when an address was refused, or works after a refusal */
  constructor(connected: (socket: Socket, at: ListenAt) => void, changed: () => void) {
    this.#connected = connected;
    this.#changed = changed;
  }

  /** Replaces the set of addresses. */
  want(wanted: Iterable<ListenAt>): void {
    const gone = new Set(this.#listeners.keys());
    const fresh: ListenAt[] = [];
    for (const at of wanted) {
      if (!gone.delete(at.key)) fresh.push(at);
    }
    // Closing comes first: another Service may want the same port.
    for (const key of gone) this.#close(key);
    for (const at of fresh) this.#open(at);
  }

  retry(): void {
    for (const { at, refused } of [...this.#listeners.values()]) {
      if (refused === null) continue;
      this.#close(at.key);
      this.#open(at, refused);
    }
  }

  refusals(): { readonly at: ListenAt; readonly error: NodeJS.ErrnoException }[] {
    return [...this.#listeners.values()].flatMap(({ at, refused }) =>
      refused === null ? [] : [{ at, error: refused }],
    );
  }

  close(): void {
    for (const key of [...this.#listeners.keys()]) this.#close(key);
    this.connections.close();
  }

  #open(at: ListenAt, before: NodeJS.ErrnoException | null = null): void {
    if (this.#listeners.size >= mostListeners()) {
      const refused = Object.assign(new Error('too many addresses for the descriptors of this process'), {
        code: 'EMFILE',
      });
      this.#listeners.set(at.key, { at, server: createServer(), refused });
      if (before?.code !== refused.code) this.#changed();
      return;
    }
    const server = createServer((socket) => this.#accept(socket, at));
    // It stays refused until it listens, so that a problem does not come and go with each attempt.
    const listener: Listener = { at, server, refused: before };
    this.#listeners.set(at.key, listener);
    server.once('listening', () => {
      server.on('error', () => {}); // accept(2) failed; the next connection may succeed
      if (listener.refused === null) return;
      listener.refused = null;
      this.#changed();
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (server.listening) return;
      const isNews = listener.refused?.code !== error.code;
      listener.refused = error;
      if (isNews && this.#listeners.get(at.key) === listener) this.#changed();
    });
    // Keeps 0.0.0.0 free for others.
    server.listen({ host: at.host, port: at.port, ipv6Only: true });
  }

  #accept(socket: Socket, at: ListenAt): void {
    if (!this.connections.admit(socket)) return;
    const end = setTimeout(() => socket.destroy(), CONNECTION_LIFE);
    socket.once('close', () => clearTimeout(end));
    this.#connected(socket, at);
  }

  #close(key: string): void {
    this.#listeners.get(key)?.server.close();
    this.#listeners.delete(key);
  }
}

let most: number | null = null;

/** Limited by RLIMIT_NOFILE, which Node.js raises at its start. */
function mostListeners(): number {
  if (most !== null) return most;
  let limit = Number.POSITIVE_INFINITY;
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    if (soft !== undefined) limit = Number(soft);
  } catch {
    // Without /proc the limit is unknown.
  }
  most = Math.max(FEWEST, Math.min(limit - RESERVED_DESCRIPTORS, limit / 2));
  return most;
}
