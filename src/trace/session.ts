import { type Sleeper, Wake } from '../base/wake.ts';
import type { WalkedNode } from '../explain/own.ts';
import type { Packet } from '../explain/packet.ts';
import { walk } from '../explain/walk.ts';
import { protocolName } from '../flows/protocol-names.ts';
import type { TraceLine, TracePacket } from '../forms/trace.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import { NftablesConnection } from '../wire/nftables/connection.ts';
import { watchTraces } from '../wire/nftables/trace.ts';
import { RouteConnection } from '../wire/route/connection.ts';
import { type AssembledPacket, Assembly } from './assembly.ts';
import { explainedBy } from './beside.ts';
import { endText } from './header.ts';
import { RuleBook } from './rule-book.ts';
import { type TellingParts, toldPacket } from './told.ts';
import { matchedPackets, startTracing, stopTracing, type TracedPackets } from './trace-table.ts';

/** Milliseconds between two lines that tell how many packets matched. */
const WAITING = 5_000;
/** The kernel tells of a loss before it hands out what had arrived until then: milliseconds in which that is read. */
const LOSS_SHADOW = 1_000;

export interface TraceAsked {
  readonly traced: TracedPackets;
  /** What explain is asked about before any packet came; null where it has no answer. */
  readonly packet: Packet | null;
  readonly count: number;
  readonly seconds: number;
  /** Tell dropped packets alone. */
  readonly dropped: boolean;
}

export interface TraceSurroundings extends Sleeper {
  /** Milliseconds of a steady clock. */
  now(): number;
  wallClock(): Date;
  /** Of the notifications, in bytes; absent: the default. */
  readonly receiveBuffer?: number;
}

export interface TraceFacts extends Pick<TellingParts, 'journey'> {
  readonly plan: NatPlan;
  readonly node: () => WalkedNode & { readonly nodeName: string };
}

/**
 * One trace, from the moment it is opened until `close`, which may be called again. The kernel ends it with the process
 * too, however that ends.
 */
export class TraceSession {
  readonly #asked: TraceAsked;
  readonly #facts: TraceFacts;
  readonly #around: TraceSurroundings;
  readonly #connection = new NftablesConnection();
  readonly #routes = new RouteConnection();
  readonly #book: RuleBook;
  readonly #assembly = new Assembly((packet) => this.#finished(packet));
  readonly #wake: Wake;
  readonly #until: number;
  #names = new Map<number, string>();
  #waiting: AssembledPacket[] = [];
  #told = 0;
  #lostAt = Number.NEGATIVE_INFINITY;
  #tellLoss = false;
  #stopWatching: () => void = () => {};
  #isClosed = false;

  /** Turns tracing on in the network namespace of the process. Throws as `startTracing`. */
  constructor(asked: TraceAsked, facts: TraceFacts, around: TraceSurroundings) {
    this.#asked = asked;
    this.#facts = facts;
    this.#book = new RuleBook(this.#connection, asked.traced.family);
    this.#around = around;
    this.#wake = new Wake(around);
    this.#until = around.now() + asked.seconds * 1000;
    try {
      const { receiveBuffer } = around;
      this.#stopWatching = watchTraces(
        (event) => {
          this.#assembly.take(event, around.now());
          this.#wake.notify();
        },
        () => this.#lost(),
        receiveBuffer === undefined ? {} : { receiveBuffer },
      );
      startTracing(this.#connection, asked.traced);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Seconds until it ends by itself. */
  get secondsLeft(): number {
    return Math.max(0, Math.ceil((this.#until - this.#around.now()) / 1000));
  }

  /** Ends with a line `end`, unless the signal aborts. Closes the session. */
  async *lines(signal: AbortSignal): AsyncGenerator<TraceLine> {
    const { now } = this.#around;
    const { count } = this.#asked;
    try {
      yield await this.#started();
      let tellWaiting = now() + WAITING;
      while (!signal.aborted) {
        const next = this.#assembly.settle(now());
        if (this.#tellLoss) {
          this.#tellLoss = false;
          yield { event: 'lost' };
        }
        yield* this.#takeLines();
        if (this.#isClosed) return;
        if (this.#told >= count) return yield this.#end('count');
        if (now() >= this.#until) {
          this.#assembly.settle(now(), 0);
          yield* this.#takeLines();
          return yield this.#end('time');
        }
        if (now() >= tellWaiting) {
          tellWaiting = now() + WAITING;
          const matched = matchedPackets(this.#connection, this.#asked.traced.family);
          if (matched === null) return yield this.#end('removed');
          yield { event: 'waiting', matched };
        }
        const wait = Math.min(next ?? WAITING, this.#until - now(), tellWaiting - now());
        await this.#wake.wait(Math.max(1, Math.ceil(wait)), signal);
        // Behind a busy moment of this process, notifications are read before a packet counts as gone.
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopWatching();
    try {
      stopTracing(this.#connection, this.#asked.traced.family);
    } catch {
      // It is not there, or the kernel is out of memory: it goes with the socket.
    } finally {
      this.#connection.retire();
      this.#routes.close();
      this.#book.close();
    }
  }

  #lost(): void {
    this.#lostAt = this.#around.now();
    this.#tellLoss = true;
    this.#wake.notify();
  }

  #finished(packet: AssembledPacket): void {
    const isDrop = packet.ending.kind === 'dropped' || packet.ending.kind === 'gone';
    if (this.#asked.dropped && !isDrop) return;
    if (this.#told + this.#waiting.length < this.#asked.count) this.#waiting.push(packet);
  }

  async #started(): Promise<TraceLine> {
    const { traced, packet, count, seconds } = this.#asked;
    const { plan, node: nodeNow, journey } = this.#facts;
    const node = nodeNow();
    const explained = packet === null ? null : explainedBy(walk(plan, node, packet), await journey(packet));
    return {
      event: 'started',
      node: node.nodeName,
      protocol: protocolName(traced.protocol),
      source: endText(traced.source, traced.sourcePort),
      destination: endText(traced.destination, traced.port),
      count,
      seconds,
      explained,
    };
  }

  async *#takeLines(): AsyncGenerator<TraceLine> {
    if (this.#waiting.length > 0) this.#book.forget();
    while (!this.#isClosed && this.#told < this.#asked.count) {
      const packet = this.#waiting.shift();
      if (packet === undefined) return;
      const told = await this.#tell(packet);
      if (told !== null) yield { event: 'packet', packet: told };
    }
  }

  async #tell(packet: AssembledPacket): Promise<TracePacket | null> {
    const { plan, node, journey } = this.#facts;
    const age = this.#around.now() - packet.startedAt;
    const at = new Date(this.#around.wallClock().getTime() - age).toISOString();
    const nameOf = (index: number) => this.#nameOf(index);
    const told = await toldPacket(packet, { plan, node: node(), book: this.#book, nameOf, journey });
    if (told === null) return null;
    this.#told++;
    const incomplete = packet.startedAt <= this.#lostAt + LOSS_SHADOW;
    const comparison = incomplete ? { compared: false, differs: null } : {};
    return { number: this.#told, at, ...told, ...comparison, incomplete };
  }

  #nameOf(index: number): string {
    if (!this.#names.has(index)) {
      this.#names = new Map(this.#routes.links().map((link) => [link.index, link.name]));
    }
    return this.#names.get(index) ?? `interface ${index}`;
  }

  #end(because: 'count' | 'time' | 'removed'): TraceLine {
    const matched = matchedPackets(this.#connection, this.#asked.traced.family) ?? 0;
    const lost = this.#lostAt !== Number.NEGATIVE_INFINITY;
    return {
      ...{ event: 'end', because, packets: this.#told, more: Math.max(0, matched - this.#told), lost },
    };
  }
}
