import { setImmediate as turn } from 'node:timers/promises';
import { GoneFlowJudge, type GoneSearch } from '../../datapath/conntrack/gone-flows.ts';
import type { GoneConnection } from '../../datapath/nftables/gone-table.ts';
import { limitReached } from '../../limits/reached.ts';
import { limits } from '../../limits/table.ts';
import type { IpAddress } from '../../net/address.ts';
import { FAMILIES, type Family } from '../../net/family.ts';
import { ConntrackConnection } from '../../wire/conntrack/connection.ts';
import type { ConnectionState } from '../../wire/conntrack/connection-state.ts';
import type { ConntrackEntry } from '../../wire/conntrack/entry.ts';
import { inTurns, TableReader } from '../../wire/conntrack/table.ts';
import { Denied } from '../../wire/errors.ts';
import { RawSender } from '../../wire/packet/raw-sender.ts';
import { type Ends, putAbort, putChallenge } from '../../wire/packet/segments.ts';

/** Connections that are ended in one turn of the event loop, of some milliseconds. */
const AT_ONCE = 128;

/** A connection to an endpoint that is gone. */
export interface FoundConnection {
  readonly entry: ConntrackEntry;
  readonly state: ConnectionState;
}

export interface Found {
  readonly connections: readonly FoundConnection[];
  /** False: there may be more, for another reading. */
  readonly isAll: boolean;
}

export interface GoneConnections {
  add(connections: readonly GoneConnection[]): void;
}

/**
 * Ends connections whose endpoint is gone. Both ends are told by a packet of their own connection: TCP by a segment to
 * which they answer, and whose answer is reset by the gone table; SCTP by an ABORT with the tag that they expect.
 */
export class ConnectionEnder {
  readonly #conntrack = new ConntrackConnection();
  readonly #reader = new TableReader();
  readonly #gone: GoneConnections;
  readonly #senders = new Map<Family, RawSender>();
  readonly #random: () => number;
  /** Why nothing can be sent; null: it can. */
  #silence: string | null = null;

  /** @param random 0 to 1 */
  constructor(gone: GoneConnections, random: () => number) {
    this.#gone = gone;
    this.#random = random;
    try {
      for (const family of FAMILIES) this.#senders.set(family, new RawSender(family));
    } catch (error) {
      if (!(error instanceof Denied)) throw error;
      this.#silence = error.message;
    }
  }

  /** Without CAP_NET_RAW only who sends is told; null: everybody is. */
  get silence(): string | null {
    return this.#silence;
  }

  /** Reads the table in turns, until it has found as many as one reading may have. */
  async find(search: GoneSearch, signal: AbortSignal): Promise<Found> {
    // If the plan changes meanwhile, `end` decides again.
    const judge = new GoneFlowJudge(search);
    const found: FoundConnection[] = [];
    const steps = this.#reader.steps((flow) => {
      if (!judge.isGone(flow)) return;
      const state = flow.connectionState;
      if (!state.isOver) found.push({ entry: flow.copy(), state });
    });
    const most = limits['gone-found'].most;
    for await (const _ of inTurns(steps)) {
      signal.throwIfAborted();
      if (found.length < most) continue;
      limitReached('gone-found');
      return { connections: found, isAll: false };
    }
    return { connections: found, isAll: true };
  }

  /**
   * Ends them in turns; those that are not gone any more stay.
   * @param ended called with what was ended in each turn, also of those before an error
   */
  async end(
    found: readonly FoundConnection[],
    search: GoneSearch,
    signal: AbortSignal,
    ended: (some: readonly FoundConnection[]) => void,
  ): Promise<void> {
    for (let at = 0; at < found.length; at += AT_ONCE) {
      if (at > 0) await turn();
      signal.throwIfAborted();
      const judge = new GoneFlowJudge(search); // the plan may have changed meanwhile
      const some = found.slice(at, at + AT_ONCE).filter(({ entry }) => judge.isGone(entry));
      if (some.length === 0) continue;
      this.#gone.add(some.map(({ entry }) => connectionOf(entry)));
      this.#conntrack.deleteAll(some.map(({ entry }) => entry));
      this.tell(some);
      ended(some);
    }
  }

  /** Sends both ends what makes them end the connection. May be repeated. */
  tell(connections: readonly FoundConnection[]): void {
    for (const connection of connections) this.#tell(connection);
    for (const sender of this.#senders.values()) sender.flush();
  }

  #tell({ entry: { family, original, reply }, state: { tags, hasSaidGoodbye } }: FoundConnection): void {
    const sender = this.#senders.get(family);
    if (sender === undefined) return;
    const client = turned(original);
    const endpoint = turned(reply);
    if (tags !== null) {
      sender.put(client.dst, (bytes) => putAbort(bytes, client, tags.reply));
      sender.put(endpoint.dst, (bytes) => putAbort(bytes, endpoint, tags.original));
      return;
    }
    const number = Math.floor(this.#random() * 2 ** 32);
    // The client has read to the end: a reset could only take from it what it has not read yet.
    if (!hasSaidGoodbye) sender.put(client.dst, (bytes) => putChallenge(bytes, client, number));
    sender.put(endpoint.dst, (bytes) => putChallenge(bytes, endpoint, number));
  }

  close(): void {
    this.#conntrack.close();
    this.#reader.close();
    for (const sender of this.#senders.values()) sender.close();
  }
}

/** Where an end of the connection sees the other. */
function turned({ src, dst, sport, dport }: Ends): Ends & { readonly dst: IpAddress } {
  return { src: dst, dst: src, sport: dport, dport: sport };
}

function connectionOf({ family, protocol, original, reply }: ConntrackEntry): GoneConnection {
  return { family, protocol, directions: [original, reply] };
}
