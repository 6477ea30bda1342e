/**
 * What is said between the lab and the probe process of a host: one JSON document a line, requests on the probe's
 * standard input, replies on its standard output, in any order, matched by `id`.
 */
import type { Protocol } from '../net/protocol.ts';

/** Listen, and answer everybody who comes with an `Answer`. */
export interface ServeRequest {
  readonly command: 'serve';
  /** Where to listen; left out: on every address that the host has by now. */
  readonly address?: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** TCP: keep the connection and send back whatever comes, instead of the `Answer`. */
  readonly echo?: boolean;
  /** What to answer as `served`; left out: the `address:port` that was reached. */
  readonly name?: string;
}

/** Stop listening everywhere. */
export interface SilenceRequest {
  readonly command: 'silence';
}

/** Open a connection, or send a datagram, and wait for the answer. */
export interface DialRequest {
  readonly command: 'dial';
  /** Source address, one of this host; left out: the kernel chooses. */
  readonly from?: string;
  readonly sourcePort?: number;
  readonly to: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly timeoutMs: number;
}

/** Dial `count` times from as many source ports, `atOnce` at a time, and count the outcomes. */
export interface DialManyRequest {
  readonly command: 'dialMany';
  readonly dial: Omit<DialRequest, 'command' | 'sourcePort'>;
  readonly count: number;
  readonly atOnce: number;
}

/** Open a connection to an echo (TCP), or to any listener (UDP), and keep talking over it until `release`. */
export interface HoldRequest extends Omit<DialRequest, 'command'> {
  readonly command: 'hold';
  /** Milliseconds between two messages; `timeoutMs` is for the first answer. */
  readonly everyMs: number;
}

/** End a held connection. */
export interface ReleaseRequest {
  readonly command: 'release';
  readonly handle: number;
}

export type Request =
  | ServeRequest
  | SilenceRequest
  | DialRequest
  | DialManyRequest
  | HoldRequest
  | ReleaseRequest;

/** What a listener sends to whoever reached it. */
export interface Answer {
  readonly served: string;
  /** `ip:port` or `[ip6]:port` that the listener saw as the other end. */
  readonly sawSource: string;
}

/** How a dial ended. */
export type DialOutcome =
  /** A listener answered: who it says it is, whom it saw, and the `address:port` that was dialled from. */
  | { readonly outcome: 'answered'; readonly by: string; readonly sawSource: string; readonly from: string }
  /**
   * Someone said no: a TCP reset, or an ICMP port unreachable; the kernel reports both as ECONNREFUSED. A TCP
   * connection that was reset after it stood is ECONNRESET.
   */
  | { readonly outcome: 'refused'; readonly how: 'ECONNREFUSED' | 'ECONNRESET' }
  /** Nothing came back in time. */
  | { readonly outcome: 'timeout' }
  /**
   * There is no way: ENETUNREACH or EHOSTUNREACH from this host or by ICMP from another, EACCES for an ICMPv6
   * "administratively prohibited", EPERM where this host's own packet filter dropped an outgoing datagram.
   */
  | { readonly outcome: 'unreachable'; readonly how: string };

/** Outcomes of many dials, counted. */
export interface DialTally {
  /** How often each listener answered, by what it calls itself. */
  readonly answeredBy: Readonly<Record<string, number>>;
  /** The source addresses, without ports, that listeners saw, sorted. */
  readonly sawSources: readonly string[];
  readonly refused: number;
  readonly timeout: number;
  readonly unreachable: number;
}

/** How a held connection went. */
export interface HoldReport {
  readonly sent: number;
  /** As many as were sent, less those that were lost or came later than 200 ms after the last was sent. */
  readonly answers: number;
  /** Between two answers, and from the last one to the end. */
  readonly longestSilenceMs: number;
  /** Why it ended before it was released: an errno name, or `closed`; null when it did not. */
  readonly ended: string | null;
}

/** The reply to each command. */
export interface Replies {
  readonly serve: null;
  readonly silence: null;
  readonly dial: DialOutcome;
  readonly dialMany: DialTally;
  /** The handle for `release`. */
  readonly hold: number;
  readonly release: HoldReport;
}

/** `error` tells of a request that makes no sense here: a source address that the host does not bear, a port taken. */
export type Reply = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });
