/**
 * Messages between the lab and a host's probe process: one JSON document a line, requests on its standard input,
 * replies in any order on its standard output, matched by `id`.
 */
import type { Protocol } from '../net/protocol.ts';

/** Listens, and answers every client with an `Answer`. */
export interface ServeRequest {
  readonly command: 'serve';
  /** Address to listen on; all present addresses when absent. */
  readonly address?: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** TCP: keep the connection and echo everything, instead of sending the `Answer`. */
  readonly echo?: boolean;
  /** The `served` of the answer; the reached `address:port` when absent. */
  readonly name?: string;
}

export interface SilenceRequest {
  readonly command: 'silence';
}

/** Opens a connection, or sends a datagram, and waits for the answer. */
export interface DialRequest {
  readonly command: 'dial';
  /** Source address, one of this host; chosen by the kernel when absent. */
  readonly from?: string;
  readonly sourcePort?: number;
  readonly to: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly timeoutMs: number;
}

/** Dials `count` times from different source ports, `atOnce` at a time, and counts the outcomes. */
export interface DialManyRequest {
  readonly command: 'dialMany';
  readonly dial: Omit<DialRequest, 'command' | 'sourcePort'>;
  readonly count: number;
  readonly atOnce: number;
}

/** Opens a connection to an echo (TCP) or any listener (UDP), and keeps sending until `release`. */
export interface HoldRequest extends Omit<DialRequest, 'command'> {
  readonly command: 'hold';
  /** Milliseconds between two messages; `timeoutMs` is for the first answer. */
  readonly everyMs: number;
}

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

/** What a listener sends to its client. */
export interface Answer {
  readonly served: string;
  /** The client as the listener saw it: `ip:port` or `[ip6]:port`. */
  readonly sawSource: string;
}

export type DialOutcome =
  /** A listener answered: its name, the source it saw, and the local `address:port`. */
  | { readonly outcome: 'answered'; readonly by: string; readonly sawSource: string; readonly from: string }
  /** ECONNREFUSED: TCP reset or ICMP port unreachable. ECONNRESET: reset of an established TCP connection. */
  | { readonly outcome: 'refused'; readonly how: 'ECONNREFUSED' | 'ECONNRESET' }
  | { readonly outcome: 'timeout' }
  /**
   * ENETUNREACH or EHOSTUNREACH: from this host or by ICMP. EACCES: ICMPv6 "administratively prohibited". EPERM: this
   * host's packet filter dropped an outgoing datagram.
   */
  | { readonly outcome: 'unreachable'; readonly how: string };

export interface DialTally {
  /** How often each listener answered, by its name. */
  readonly answeredBy: Readonly<Record<string, number>>;
  /** The source addresses that listeners saw, without ports, sorted. */
  readonly sawSources: readonly string[];
  readonly refused: number;
  readonly timeout: number;
  readonly unreachable: number;
}

export interface HoldReport {
  readonly sent: number;
  /** Messages sent, less those lost or answered later than 200 ms after the last was sent. */
  readonly answers: number;
  /** Milliseconds between two answers, or from the last one to the end. */
  readonly longestSilenceMs: number;
  /** Why it ended before its release: an errno name, or `closed`; null when it did not. */
  readonly ended: string | null;
}

export interface Replies {
  readonly serve: null;
  readonly silence: null;
  readonly dial: DialOutcome;
  readonly dialMany: DialTally;
  /** The handle for `release`. */
  readonly hold: number;
  readonly release: HoldReport;
}

/** `error`: an impossible request, for example a source address of another host or a port in use. */
export type Reply = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });
