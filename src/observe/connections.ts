import type { IncomingMessage, ServerOptions, ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { limitReached } from '../limits/reached.ts';
import { type LimitName, limits } from '../limits/table.ts';
import { addressBytes, parseAddress } from '../net/address.ts';
import { ReadingPace } from './reading-pace.ts';

/**
 * Limits of a request. Times in milliseconds. Node.js would look at its connections at an interval, also while there are none;
 * `Connections` times each of them instead.
 */
export const REQUEST_LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: limits['request-body-time'].most,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 2 ** 31 - 1,
  maxHeaderSize: 16 * 1024,
} as const satisfies ServerOptions;

/** Milliseconds before a TLS handshake is aborted. */
export const HANDSHAKE_TIMEOUT = 5_000;

export interface Peer {
  /** Near peers have reserved places, which no other peer can take. */
  readonly isNear: boolean;
  /** Connections from the same source share places. */
  readonly source: string;
}

/** All near peers; all others; each source that is not near. */
export type ConnectionGroup = 'near' | 'far' | 'perSource';

/** Maximum numbers of simultaneous connections. */
export interface ConnectionBounds extends Readonly<Record<ConnectionGroup, number>> {
  /** A connection was cut for another one, or turned away. */
  readonly reached?: (group: ConnectionGroup) => void;
}

export function boundsOf(names: Readonly<Record<ConnectionGroup, LimitName>>): ConnectionBounds {
  const { near, far, perSource } = names;
  return {
    near: limits[near].most,
    far: limits[far].most,
    perSource: limits[perSource].most,
    reached: (group) => limitReached(names[group]),
  };
}

export const DEFAULT_BOUNDS = boundsOf({
  near: 'http-connections-near',
  far: 'http-connections-far',
  perSource: 'http-connections-of-source',
});

/** Milliseconds before a connection is cut whose client does not read its answer, and between two looks at it. */
const UNREAD_LIFE = limits['answer-unread'].most;
const LOOK = 1_000;
/** Milliseconds after which it is cut if its place is wanted. */
const UNREAD = 2 * LOOK;
/** Milliseconds before a connection that carries no request is cut. */
const IDLE_LIFE = limits['connection-idle'].most;
const TOO_SLOW = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n';

interface Connection {
  readonly socket: Socket;
  readonly peer: Peer;
  /** It carries HTTP as it is, without TLS: a client that is too slow gets an answer. */
  readonly isPlain: boolean;
  /** While its request is answered: how its client reads. */
  reading: ReadingPace | null;
  timer: NodeJS.Timeout | null;
}

/**
 * Limits a server's connections in total and per source. If no place is free, the connection that has waited longest
 * (for the rest of its headers, or for a next request) is cut, so a client that sends its request immediately is
 * answered however many connections others hold open. If all others are being answered, the one whose client has read
 * nothing for longest is cut; if all of them read, the new one is.
 */
export class Connections {
  readonly #bounds: ConnectionBounds;
  readonly #peerOf: (socket: Socket) => Peer;
  /** In the order in which they began to wait. */
  readonly #open = new Map<Socket | string, Connection>();
  #looks: NodeJS.Timeout | null = null;

  constructor(bounds: ConnectionBounds = DEFAULT_BOUNDS, peerOf: (socket: Socket) => Peer = peerByAddress) {
    this.#bounds = bounds;
    this.#peerOf = peerOf;
  }

  /** Call before the server listens. */
  guard(server: Server): void {
    const isPlain = !('setSecureContext' in server);
    server.prependListener('connection', (socket: Socket) => this.admit(socket, isPlain));
    this.followRequests(server);
  }

  /**
   * For an HTTP server that is handed its connections: only its requests pass. One is answered at a time: the answer to a
   * second one, sent ahead, would be made for a client that may never get to it.
   */
  followRequests(server: Server & { readonly requestTimeout?: number }): void {
    const listeners = server.listeners('request');
    server.removeAllListeners('request');
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request;
      if (!this.#begin(socket)) return;
      response.once('close', () => this.#end(socket));
      if (hasBody(request)) limit(request, server.requestTimeout ?? REQUEST_LIMITS.requestTimeout);
      for (const listener of listeners) listener.call(server, request, response);
    });
  }

  /** Returns false after cutting the connection for lack of a place. */
  admit(socket: Socket, isPlain = true): boolean {
    const peer = this.#peerOf(socket);
    const isPlace = peer.isNear
      ? this.#makePlace('near', (other) => other.isNear)
      : this.#makePlace('perSource', (other) => !other.isNear && other.source === peer.source) &&
        this.#makePlace('far', (other) => !other.isNear);
    if (!isPlace) {
      socket.destroy();
      return false;
    }
    const key = keyOf(socket);
    const connection: Connection = { socket, peer, isPlain, reading: null, timer: null };
    this.#open.set(key, connection);
    this.#wait(connection);
    socket.on('error', () => {}); // handled by the close that follows
    socket.once('close', () => {
      if (connection.timer !== null) clearTimeout(connection.timer);
      if (this.#open.get(key) === connection) this.#open.delete(key);
    });
    return true;
  }

  /** Also during a request. */
  close(): void {
    if (this.#looks !== null) clearInterval(this.#looks);
    this.#looks = null;
    for (const { socket } of [...this.#open.values()]) socket.destroy();
  }

  /** If all shared places are taken, cuts the connection that needs its own least; false if all need theirs. */
  #makePlace(group: ConnectionGroup, shares: (peer: Peer) => boolean): boolean {
    let taken = 0;
    let oldest: Connection | null = null;
    let slowest: Connection | null = null;
    let unread = UNREAD;
    const now = performance.now();
    for (const connection of this.#open.values()) {
      if (!shares(connection.peer)) continue;
      taken++;
      if (connection.reading === null) oldest ??= connection;
      const stalled = connection.reading?.stalledFor(now) ?? 0;
      if (stalled < unread) continue;
      slowest = connection;
      unread = stalled;
    }
    if (taken < this.#bounds[group]) return true;
    this.#bounds.reached?.(group);
    const least = oldest ?? slowest;
    if (least === null) return false;
    this.#cut(least);
    return true;
  }

  #cut(connection: Connection): void {
    this.#open.delete(keyOf(connection.socket));
    connection.socket.destroy();
  }

  /** False after cutting a connection that asks again before it is answered. */
  #begin(socket: Socket): boolean {
    const connection = this.#open.get(keyOf(socket));
    if (connection === undefined) return !socket.destroyed;
    if (connection.reading !== null) {
      limitReached('requests-of-connection');
      socket.destroy();
      this.#cut(connection);
      return false;
    }
    connection.reading = new ReadingPace(socket);
    if (connection.timer !== null) clearTimeout(connection.timer);
    connection.timer = null;
    this.#looks ??= setInterval(() => this.#look(), LOOK).unref();
    return true;
  }

  #end(socket: Socket): void {
    const key = keyOf(socket);
    const connection = this.#open.get(key);
    if (connection === undefined) return;
    connection.reading = null;
    this.#open.delete(key);
    this.#open.set(key, connection);
    this.#wait(connection);
  }

  /** Ends by itself when nothing is being answered. */
  #look(): void {
    const now = performance.now();
    let answered = 0;
    for (const connection of [...this.#open.values()]) {
      if (connection.reading === null) continue;
      answered++;
      if (connection.reading.stalledFor(now) < UNREAD_LIFE) continue;
      limitReached('answer-unread');
      this.#cut(connection);
    }
    if (answered > 0 || this.#looks === null) return;
    clearInterval(this.#looks);
    this.#looks = null;
  }

  #wait(connection: Connection): void {
    connection.timer = setTimeout(() => {
      const { socket, isPlain } = connection;
      limitReached('connection-idle');
      if (isPlain && socket.writable) socket.write(TOO_SLOW);
      socket.destroy();
    }, IDLE_LIFE);
    connection.timer.unref();
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

/** Cuts the connection of a request whose body does not arrive in time. */
function limit(request: IncomingMessage, milliseconds: number): void {
  const timer = setTimeout(() => {
    limitReached('request-body-time');
    request.socket.destroy();
  }, milliseconds);
  const stop = () => clearTimeout(timer);
  request.once('end', stop).once('close', stop);
  timer.unref();
}

/** HTTP and TLS have different sockets for a connection; the key is the same. */
function keyOf(socket: Socket): Socket | string {
  const { remoteAddress, remotePort, localPort } = socket;
  return remoteAddress === undefined ? socket : `${remoteAddress} ${remotePort} ${localPort}`;
}

/** Milliseconds for which this node's interface addresses are cached. */
const INTERFACES_FOR = 1_000;
let ownAddresses: ReadonlySet<string> = new Set();
let lookedAt = Number.NEGATIVE_INFINITY;

/**
 * Peers with an address of this node (loopback or an interface, as with kubelet probes) are near. Other peers' source
 * is their address; for IPv6 its first 64 bits, since a client often has all of them.
 */
export function peerByAddress({ remoteAddress, localAddress }: Socket): Peer {
  const text = plain(remoteAddress);
  return { isNear: text === plain(localAddress) || isOwn(text), source: sourceOf(text) };
}

/** Removes the zone and unmaps IPv4-mapped addresses. */
function plain(address: string | undefined): string {
  return (address ?? '').replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
}

function isOwn(address: string): boolean {
  if (address === '::1' || address.startsWith('127.')) return true;
  const now = performance.now();
  if (now - lookedAt > INTERFACES_FOR) {
    lookedAt = now;
    const interfaces = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    ownAddresses = new Set(interfaces.map((each) => plain(each.address)));
  }
  return ownAddresses.has(address);
}

function sourceOf(text: string): string {
  const address = parseAddress(text);
  if (address === null || !text.includes(':')) return text;
  return Buffer.from(addressBytes(address).subarray(0, 8)).toString('hex');
}
