import type { DialOutcome } from '../../src/lab/probe-messages.ts';
import { allSettled, type Dialled, type Stage } from './stage.ts';

/** The real results of the connections of one flow. */
export interface Observed {
  readonly refused: number;
  /** Nothing came back, or this host's own packet filter dropped the packet. */
  readonly silent: number;
  /** Errors that no rule of ours should cause. */
  readonly unreachable: ReadonlySet<string>;
  /** The source as each listener saw it: `address:port` of the listener → that source. */
  readonly answers: ReadonlyMap<string, SourceSeen>;
}

/** How often a listener saw the unchanged source, and how often each other address. */
export interface SourceSeen {
  kept: number;
  /** An address may be the dialled one with another port: that is rewritten too. */
  readonly rewritten: Map<string, number>;
  /** For these connections the source port of the client, and the one that the listener saw. */
  readonly ports: { readonly dialled: number; readonly seen: number }[];
}

/** What the observer waits for. It decides how long and how often the observer dials, never what it reports. */
export type Awaited =
  | {
      readonly kind: 'answers';
      readonly from: ReadonlySet<string>;
      /** False when the answer of one of them is enough. */
      readonly everybody: boolean;
    }
  | { readonly kind: 'refusal' | 'silence' };

/** Milliseconds without an answer that count as silence. An answer takes some milliseconds. */
export const SILENCE_MS = 300;
/** Milliseconds to wait for an answer: longer than the kernel takes to send a TCP SYN again. */
const ANSWER_MS = 1500;
/** Number of dials if no answer is expected. */
const FEW = 3;
/**
 * Rounds of 4 (n + 1) dials until all n awaited have answered. One of n is missed in all rounds with a probability of
 * n (1 - 1/n)^(40 (n + 1)), which is below 1e-16; one too many answers unseen in a round with (1 - 1/(n + 1))^(4 (n + 1)), 2 %.
 */
const ROUNDS = 10;

/**
 * Dials until all that were awaited have answered and stops early when something else happens. Never less than one
 * round, so that an answer by one too many is likely to be seen.
 */
export async function observe(stage: Stage, flow: Dialled, awaited: Awaited): Promise<Observed> {
  const observed = nothingYet();
  const { answers } = observed;
  const wanted = awaited.kind === 'answers' ? awaited.from : new Set<string>();
  const dials = awaited.kind === 'answers' ? 4 * (wanted.size + 1) : FEW;
  const timeoutMs = awaited.kind === 'silence' ? SILENCE_MS : ANSWER_MS;
  for (let round = 0; round < ROUNDS; round++) {
    const all = await allSettled(Array.from({ length: dials }, () => stage.dial(flow, timeoutMs)));
    for (const outcome of all) note(observed, outcome);
    const others = observed.refused + observed.silent + observed.unreachable.size;
    const isStrange = others > 0 || [...answers.keys()].some((by) => !wanted.has(by));
    const isEnough = awaited.kind !== 'answers' || !awaited.everybody || answers.size === wanted.size;
    if (isStrange || isEnough) break;
  }
  return observed;
}

/** Dials once, for clients that keep their port or must not dial twice. */
export async function observeOnce(stage: Stage, flow: Dialled, timeoutMs: number): Promise<Observed> {
  const observed = nothingYet();
  note(observed, await stage.dial(flow, timeoutMs));
  return observed;
}

type Observing = ReturnType<typeof nothingYet>;

function nothingYet() {
  return { refused: 0, silent: 0, unreachable: new Set<string>(), answers: new Map<string, SourceSeen>() };
}

function note(observed: Observing, outcome: DialOutcome): void {
  switch (outcome.outcome) {
    case 'answered': {
      const seen = observed.answers.get(outcome.by) ?? {
        kept: 0,
        rewritten: new Map<string, number>(),
        ports: [],
      };
      observed.answers.set(outcome.by, seen);
      if (outcome.sawSource === outcome.from) seen.kept++;
      else {
        const address = outcome.sawSource.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
        seen.rewritten.set(address, (seen.rewritten.get(address) ?? 0) + 1);
        seen.ports.push({ dialled: portIn(outcome.from), seen: portIn(outcome.sawSource) });
      }
      break;
    }
    case 'refused':
      observed.refused++;
      break;
    case 'timeout':
      observed.silent++;
      break;
    case 'unreachable':
      if (outcome.how === 'EPERM') observed.silent++;
      else observed.unreachable.add(outcome.how);
      break;
    default:
      outcome satisfies never;
  }
}

/** Of `address:port`. */
function portIn(text: string): number {
  return Number(text.slice(text.lastIndexOf(':') + 1));
}
