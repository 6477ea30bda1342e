import type { Planner } from '../../../src/plan/planner.ts';
import { type Foretold, foretell } from '../../conformance/agreement.ts';
import type { Excuse } from './excuse.ts';
import type { DialEnd, Way } from './talker-messages.ts';

/** Milliseconds after which no dial of that time is under way any more. */
const KEPT_FOR = 120_000;
/** Between a clock that is read here and one that is read on a host. */
const BLUR = 1;

interface Period {
  readonly since: number;
  until: number;
}

interface Wanted extends Period {
  readonly foretold: Foretold;
}

interface Excused extends Period {
  readonly index: number;
  excuse: Excuse;
}

/** The input interface of a source: of the node's rules, some ask for it. */
export type InterfaceOf = (source: Way['source']) => string | undefined;

/**
 * What every new connection may become. A plan holds from the moment before it is asked for until the kernel is known to have
 * a later one; of a dial, any plan of its time may be the one that counted.
 */
export class Oracle {
  readonly #ways = new Map<string, { readonly way: Way; lastUsed: number }>();
  readonly #wanted = new Map<string, Wanted[]>();
  readonly #excused: Excused[] = [];
  readonly #interfaceOf: InterfaceOf;
  readonly #isSilent: (address: string) => boolean;

  /** @param isSilent whether nothing listens on the host with this address, which refuses then */
  constructor(interfaceOf: InterfaceOf, isSilent: (address: string) => boolean) {
    this.#interfaceOf = interfaceOf;
    this.#isSilent = isSilent;
  }

  /** Milliseconds, as the talkers read them. */
  static now(): number {
    return Number(process.hrtime.bigint()) / 1e6;
  }

  /** These ways are dialled from now on; the kernel has this plan. */
  dial(ways: readonly Way[], planner: Planner): void {
    const now = Oracle.now();
    for (const one of this.#ways.values()) one.lastUsed = Math.min(one.lastUsed, now);
    for (const way of ways) this.#ways.set(way.key, { way, lastUsed: Number.POSITIVE_INFINITY });
    this.want(planner);
    this.reached();
  }

  /** False for a packet that nothing answers: waiting for silence takes long. */
  foretells(way: Way, { plan, node }: Planner): boolean {
    return foretell(plan, node, way, this.#interfaceOf(way.source)).kind !== 'silence';
  }

  /** This plan is asked for, and may be in force, from then on. */
  want({ plan, node }: Planner, since = Oracle.now()): void {
    for (const [key, { way }] of this.#ways) {
      const foretold = foretell(plan, node, way, this.#interfaceOf(way.source));
      const all = this.#wanted.get(key) ?? [];
      const last = all.at(-1);
      if (last !== undefined && describe(last.foretold) === describe(foretold)) continue;
      all.push({ since, until: Number.POSITIVE_INFINITY, foretold });
      this.#wanted.set(key, all);
    }
  }

  /** The kernel has the plan that was wanted last. */
  reached(): void {
    const now = Oracle.now();
    for (const [key, all] of this.#wanted) {
      for (const one of all.slice(0, -1)) one.until = Math.min(one.until, now);
      const kept = all.filter(({ until }) => until > now - KEPT_FOR);
      const isUsed = (this.#ways.get(key)?.lastUsed ?? 0) > now - KEPT_FOR;
      if (isUsed) this.#wanted.set(key, kept);
      else {
        this.#wanted.delete(key);
        this.#ways.delete(key);
      }
    }
  }

  /** Every dial from now on is of the fault's time, until the function that is returned is called. */
  begin(index: number): (excuse: Excuse) => void {
    const period: Excused = { index, since: Oracle.now(), until: Number.POSITIVE_INFINITY, excuse: 'none' };
    this.#excused.push(period);
    while ((this.#excused[0]?.until ?? 0) < period.since - KEPT_FOR) this.#excused.shift();
    return (excuse) => {
      period.excuse = excuse;
      period.until = Oracle.now();
    };
  }

  /** What is wrong about it, and in which faults it was under way; null: nothing. */
  judge(end: DialEnd): { readonly indices: readonly number[]; readonly text: string } | null {
    const overlapping = this.#excused.filter((period) => isDuring(end, period));
    const wanted = (this.#wanted.get(end.key) ?? []).filter((one) => isDuring(end, one));
    const excuses = new Set(overlapping.map(({ excuse }) => excuse));
    const wrong = wrongOf(end, wanted, excuses, this.#isSilent);
    if (wrong === null) return null;
    const duration = `${(end.endedAt - end.startedAt).toFixed(0)} ms`;
    return {
      indices: overlapping.map(({ index }) => index),
      text: `${end.key} from port ${end.sourcePort}, ${duration}: ${wrong}`,
    };
  }
}

function isDuring({ startedAt, endedAt }: DialEnd, { since, until }: Period): boolean {
  return startedAt <= until + BLUR && endedAt >= since - BLUR;
}

function wrongOf(
  end: DialEnd,
  wanted: readonly Wanted[],
  excuses: ReadonlySet<Excuse>,
  isSilent: (address: string) => boolean,
): string | null {
  if ('failure' in end) return end.failure;
  const { outcome } = end;
  if (excuses.has('anything')) return null;
  if (excuses.has('lost') && outcome.outcome !== 'answered') return null;
  if (wanted.some(({ foretold }) => isAllowed(end, foretold, isSilent))) return null;
  const said = [...new Set(wanted.map(({ foretold }) => describe(foretold)))].join(', or ');
  const got =
    outcome.outcome === 'answered' ? `${outcome.by} sees ${outcome.sawSource}` : `${outcome.outcome}`;
  return `${got}; wanted: ${said || 'nothing is known'}`;
}

function isAllowed(end: DialEnd, foretold: Foretold, isSilent: (address: string) => boolean): boolean {
  if ('failure' in end) return false;
  const { outcome } = end;
  switch (foretold.kind) {
    case 'silence':
      return outcome.outcome === 'timeout';
    case 'refusal':
      return outcome.outcome === 'refused';
    case 'answers': {
      if (outcome.outcome === 'refused')
        return [...foretold.from.keys()].some((by) => isSilent(addressOf(by)));
      if (outcome.outcome !== 'answered') return false;
      const sources = foretold.from.get(outcome.by);
      if (sources === undefined) return false;
      const saw = addressOf(outcome.sawSource);
      return sources === 'kept' ? saw === addressOf(outcome.from) : sources.some((one) => one === saw);
    }
    default:
      return foretold satisfies never;
  }
}

function describe(foretold: Foretold): string {
  if (foretold.kind !== 'answers') return foretold.kind;
  return [...foretold.from]
    .map(([by, sources]) => `${by} sees ${sources === 'kept' ? 'the source' : sources.join(' or ')}`)
    .join(' / ');
}

/** Of `address:port` or `[address]:port`. */
function addressOf(text: string): string {
  return text.slice(0, text.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}
