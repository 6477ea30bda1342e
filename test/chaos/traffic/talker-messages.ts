import type { DialOutcome } from '../../../src/lab/probe-messages.ts';
import type { Dialled, Target } from '../../netns/stage.ts';

/** A connection of a talker, with the name by which its results are known. */
export interface Way extends Dialled {
  readonly key: string;
}

export type TalkerRequest =
  /** `keeps`: answers every message of a connection, instead of answering once. */
  | { readonly command: 'listen'; readonly targets: readonly (Target & { readonly keeps: boolean })[] }
  /** Opens connections that stay, with a message every so many milliseconds. */
  | { readonly command: 'hold'; readonly ways: readonly Way[]; readonly everyMs: number }
  /** One message over each held connection; the answer has one text for each that is not right. */
  | { readonly command: 'exchange'; readonly timeoutMs: number }
  | { readonly command: 'release' }
  /** Opens these connections in turn from now on. */
  | {
      readonly command: 'dial';
      readonly ways: readonly Way[];
      readonly everyMs: number;
      readonly timeoutMs: number;
    }
  /** Takes the results so far. */
  | { readonly command: 'collect' };

/** Times are milliseconds of CLOCK_MONOTONIC, the same in all processes. */
export type DialEnd = {
  readonly key: string;
  readonly sourcePort: number;
  readonly startedAt: number;
  readonly endedAt: number;
} & ({ readonly outcome: DialOutcome } | { readonly failure: string });

export interface TalkerReplies {
  readonly listen: null;
  readonly hold: null;
  readonly exchange: readonly string[];
  readonly release: null;
  readonly dial: null;
  readonly collect: { readonly ends: readonly DialEnd[]; readonly underWay: number };
}
