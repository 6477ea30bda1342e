/**
 * Puts steps together into packets. A packet begins with the rule of ours that turns tracing on, and ends where it is
 * dropped, where the last chain of ours sees it leave, or when nothing is heard of it for `SILENCE` ms.
 *
 * Bounded: at most `MOST_OPEN` packets at a time with `MOST_STEPS` steps each. Steps of packets that others trace are
 * left out.
 */
import type { PacketHeaders, TracedConnection, TraceEvent } from '../wire/nftables/trace.ts';
import { TRACE_CHAINS, TRACE_TABLE, type TracedHook } from './trace-table.ts';

/** Milliseconds without a step after which a packet counts as gone. */
export const SILENCE = 50;
const MOST_OPEN = 64;
const MOST_STEPS = 200;

/** The way through one base chain, and the packet as it was at its beginning. */
export interface ChainRun {
  readonly chain: Pick<TraceEvent, 'family' | 'table' | 'chain'>;
  readonly headers: PacketHeaders | null;
  readonly iif: number | null;
  readonly oif: number | null;
  readonly steps: readonly TraceEvent[];
}

export interface AssembledPacket {
  /** Of the clock that `take` was given, in milliseconds. */
  readonly startedAt: number;
  readonly isReply: boolean;
  /** Our own chains are left out. */
  readonly runs: readonly ChainRun[];
  readonly first: PacketHeaders | null;
  readonly last: PacketHeaders | null;
  readonly iif: number | null;
  readonly oif: number | null;
  /** The latest that was told; null: the kernel does not tell. */
  readonly connection: TracedConnection | null;
  /** The hooks that it entered, in order. */
  readonly hooks: readonly TracedHook[];
  readonly ending: Ending;
  /** Steps beyond the most that are kept. */
  readonly cut: number;
}

export type Ending =
  /** It leaves by `oif`. */
  | { readonly kind: 'left' }
  /** A socket of this node gets it. */
  | { readonly kind: 'delivered' }
  /** The last step dropped it. */
  | { readonly kind: 'dropped' }
  /** The last step gave it away: to a program (NF_QUEUE), or stolen. */
  | { readonly kind: 'handed over' }
  /** Nothing more was heard. `complete`: it had passed the whole hook. */
  | { readonly kind: 'gone'; readonly behind: TracedHook; readonly complete: boolean };

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
interface Draft extends Omit<Writable<AssembledPacket>, 'runs' | 'hooks' | 'ending'> {
  runs: (Writable<Omit<ChainRun, 'steps'>> & { steps: TraceEvent[] })[];
  hooks: TracedHook[];
  steps: number;
  latest: number;
  /** The hook of the last chain of ours that ended. */
  completed: TracedHook | null;
}

export class Assembly {
  readonly #open = new Map<number, Draft>();
  readonly #done: (packet: AssembledPacket) => void;

  constructor(done: (packet: AssembledPacket) => void) {
    this.#done = done;
  }

  /** @param now milliseconds of any steady clock */
  take(event: TraceEvent, now: number): void {
    const own = event.table === TRACE_TABLE ? TRACE_CHAINS.get(event.chain) : undefined;
    const isStart =
      own !== undefined && (own.role === 'ask' || own.role === 'reply') && event.type === 'rule';
    if (isStart) this.#begin(event, own.role === 'reply', own.hook, now);
    const draft = this.#open.get(event.id);
    if (draft === undefined) return;
    draft.latest = now;
    if (event.connection !== null) draft.connection = event.connection;
    if (event.headers !== null) {
      draft.first ??= event.headers;
      draft.last = event.headers;
      draft.iif ??= event.iif;
      draft.oif = event.oif ?? draft.oif;
    }
    if (event.table === TRACE_TABLE) {
      if (own === undefined || isStart) return;
      if (own.role === 'begin' || own.role === 'end') enter(draft, own.hook);
      if (own.role !== 'end') return;
      draft.completed = own.hook;
      if (own.hook === 'postrouting') this.#finish(event.id, draft, { kind: 'left' });
      else if (own.hook === 'input') this.#finish(event.id, draft, { kind: 'delivered' });
      return;
    }
    addStep(draft, event);
    const { code } = event.verdict;
    if (code === 'drop') this.#finish(event.id, draft, { kind: 'dropped' });
    else if (isStolen(code)) this.#finish(event.id, draft, { kind: 'handed over' });
  }

  /** Ends the packets of which nothing was heard for `SILENCE` ms; 0: all. Gives the milliseconds until the next; null: none is open. */
  settle(now: number, silence: number = SILENCE): number | null {
    let next: number | null = null;
    for (const [id, draft] of this.#open) {
      const left = draft.latest + silence - now;
      if (left > 0) next = Math.min(next ?? left, left);
      else this.#finish(id, draft, goneOf(draft));
    }
    return next;
  }

  #begin(event: TraceEvent, isReply: boolean, hook: TracedHook, now: number): void {
    const before = this.#open.get(event.id);
    if (before !== undefined) this.#finish(event.id, before, goneOf(before));
    const [oldest] = this.#open;
    if (this.#open.size >= MOST_OPEN && oldest !== undefined) {
      this.#finish(oldest[0], oldest[1], goneOf(oldest[1]));
    }
    this.#open.set(event.id, {
      ...{
        startedAt: now,
        isReply,
        runs: [],
        first: null,
        last: null,
        iif: null,
        oif: null,
        connection: null,
      },
      ...{ hooks: [hook], cut: 0, steps: 0, latest: now, completed: null },
    });
  }

  #finish(id: number, draft: Draft, ending: Ending): void {
    this.#open.delete(id);
    const { steps: _steps, latest: _latest, completed: _completed, ...packet } = draft;
    this.#done({ ...packet, ending });
  }
}

function goneOf({ hooks, completed }: Draft): Ending {
  const behind = hooks.at(-1) ?? 'prerouting';
  return { kind: 'gone', behind, complete: completed === behind };
}

function enter(draft: Draft, hook: TracedHook): void {
  if (draft.hooks.at(-1) !== hook) draft.hooks.push(hook);
}

function addStep(draft: Draft, event: TraceEvent): void {
  draft.steps++;
  if (draft.steps > MOST_STEPS) {
    draft.cut++;
    if (event.verdict.code !== 'drop') return;
  }
  const { family, table, chain, headers, iif, oif } = event;
  const run = draft.runs.at(-1);
  if (run === undefined || headers !== null) {
    draft.runs.push({ chain: { family, table, chain }, headers, iif, oif, steps: [event] });
  } else run.steps.push(event);
}

/** NF_STOLEN and NF_QUEUE of include/uapi/linux/netfilter.h; the high bits are the number of the queue. */
function isStolen(code: string | number): boolean {
  return typeof code === 'number' && ((code & 0xff) === 2 || (code & 0xff) === 3);
}
