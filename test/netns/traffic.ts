import type { DialOutcome, HoldReport } from '../../src/lab/probe-messages.ts';
import type { Dialled, Stage } from './stage.ts';

export interface Traffic {
  readonly dialled: readonly Dialled[];
  readonly held: readonly Dialled[];
  /** Dials per second, all together. */
  readonly rate: number;
  /** Milliseconds between two messages of a held connection; left out: 20. */
  readonly heldEveryMs?: number;
  /**
   * Milliseconds until a dial counts as lost; left out: 900, less than until a SYN is repeated. More is for busy machines,
   * with a look at `repeatedSyns`.
   */
  readonly lostAfterMs?: number;
}

/** A dial that was answered. */
export interface Answered {
  readonly to: string;
  readonly by: string;
  /** When it was dialled, by `performance.now()`. */
  readonly dialledAt: number;
}

/** The result of the traffic. */
export interface TrafficReport {
  /** How many connections were opened, and in how many seconds. */
  readonly dialled: number;
  readonly seconds: number;
  /** Every dial without an answer, with its destination. */
  readonly failed: readonly (DialOutcome & { readonly to: string })[];
  readonly answered: readonly Answered[];
  readonly held: readonly (HoldReport & { readonly to: string })[];
  /** SYNs that the kernel sent again, since the first had no answer: packets that were lost once. */
  readonly repeatedSyns: number;
}

/** Milliseconds until a dial counts as lost: shorter than the second after which a SYN is repeated. */
const LOST_AFTER = 900;

/**
 * Opens the held connections, then dials the others in turn, `rate` a second in all, until the function that is
 * returned is called.
 */
export async function startTraffic(
  stage: Stage,
  { dialled, held, rate, heldEveryMs, lostAfterMs = LOST_AFTER }: Traffic,
): Promise<() => Promise<TrafficReport>> {
  const releases = await Promise.all(
    held.map(async (one) => ({ to: name(one), release: await stage.hold(one, heldEveryMs) })),
  );
  const outcomes: Promise<DialOutcome & { readonly to: string; readonly dialledAt: number }>[] = [];
  const sources = dialled.map(({ source }) => source);
  const synsBefore = await stage.repeatedSyns(sources);
  const start = performance.now();
  const dialDue = () => {
    const due = ((performance.now() - start) / 1000) * rate;
    while (outcomes.length < due) {
      const one = dialled[outcomes.length % dialled.length];
      if (one === undefined) throw new Error('no destination to dial');
      const dialledAt = performance.now();
      outcomes.push(
        stage.dial(one, lostAfterMs).then((outcome) => ({ ...outcome, to: name(one), dialledAt })),
      );
    }
  };
  const timer = setInterval(dialDue, 1000 / rate);
  return async () => {
    clearInterval(timer);
    const seconds = (performance.now() - start) / 1000;
    const ends = await Promise.all(outcomes);
    const reports = await Promise.all(
      releases.map(async ({ to, release }) => ({ to, ...(await release()) })),
    );
    const failed = ends.filter(({ outcome }) => outcome !== 'answered');
    const answered = ends.filter((end) => end.outcome === 'answered');
    const repeatedSyns = (await stage.repeatedSyns(sources)) - synsBefore;
    return { dialled: ends.length, seconds, failed, answered, held: reports, repeatedSyns };
  };
}

function name({ protocol, address, port }: Dialled): string {
  return `${protocol} ${address} ${port}`;
}
