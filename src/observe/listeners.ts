import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { type ConnectionBounds, Connections } from './connections.ts';

/** An address and port to listen on; `key` identifies it. */
export interface ListenAt {
  readonly key: string;
  /** An IP address. */
  readonly host: string;
  readonly port: number;
}

interface Listener {
  readonly at: ListenAt;
  readonly server: Server;
  /** Null while it listens, or is about to. */
  refused: NodeJS.ErrnoException | null;
}

/** Connections at once, on all addresses together: a load balancer asks from some addresses, for every Service. */
const BOUNDS: ConnectionBounds = { near: 64, far: 256, perSource: 64 };
/** File descriptors of the process that stay free for everything else: netlink, other servers, programs. */
const RESERVED_DESCRIPTORS = 1_024;
/** Addresses that are listened on in any case, however few descriptors there are. */
const FEWEST = 128;

/** Milliseconds after which a connection is cut in any case. */
const CONNECTION_LIFE = 10_000;

/**
 * Listens on a changing set of TCP addresses. An address that stays wanted keeps its socket; one that is refused is
 * remembered and tried again by `retry`.
 */
export class Listeners {
  readonly #listeners = new Map<string, Listener>();
  /** The connections of all addresses; the owner makes it follow the requests. */
  readonly connections = new Connections(BOUNDS);
  readonly #connected: (socket: Socket, at: ListenAt) => void;
  readonly #changed: () => void;

  /** @param changed called when an address was refused, or is listened on after a refusal */
  constructor(connected: (socket: Socket, at: ListenAt) => void, changed: () => void) {
    this.#connected = connected;
    this.#changed = changed;
  }

  /** Makes these the addresses to listen on. */
  want(wanted: Iterable<ListenAt>): void {
    const gone = new Set(this.#listeners.keys());
    const fresh: ListenAt[] = [];
    for (const at of wanted) {
      if (!gone.delete(at.key)) fresh.push(at);
    }
    // First close what is no longer wanted: another Service may want the same port.
    for (const key of gone) this.#close(key);
    for (const at of fresh) this.#open(at);
  }

  /** Tries the refused addresses again. */
  retry(): void {
    for (const { at, refused } of [...this.#listeners.values()]) {
      if (refused === null) continue;
      this.#close(at.key);
      this.#open(at, refused);
    }
  }

  /** The refused addresses, each with the reason. */
  refusals(): { readonly at: ListenAt; readonly error: NodeJS.ErrnoException }[] {
    return [...this.#listeners.values()].flatMap(({ at, refused }) =>
      refused === null ? [] : [{ at, error: refused }],
    );
  }

  /** Closes all sockets and connections. */
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
      server.on('error', () => {}); // of accept(2): the next connection may do
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
    // `::` leaves IPv4 to whoever listens on 0.0.0.0.
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

/** How many addresses the limit of this process leaves room for (RLIMIT_NOFILE, which Node.js raises at its start). */
function mostListeners(): number {
  if (most !== null) return most;
  let limit = Number.POSITIVE_INFINITY;
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    if (soft !== undefined) limit = Number(soft);
  } catch {
    // Without /proc no limit is known.
  }
  most = Math.max(FEWEST, Math.min(limit - RESERVED_DESCRIPTORS, limit / 2));
  return most;
}
