import type { Cluster } from '../lab/cluster.ts';
import type { DialOutcome } from '../lab/probe-messages.ts';
import type { Family } from '../net/family.ts';
import { type Ending, type FlowResult, isAsExpected, type StagedFlow } from './flow.ts';

/** How long to wait for what should not come, and for what should; milliseconds. */
const IN_VAIN_MS = 300;
const PATIENCE_MS = 3000;

/** A change is waited for this long at most; milliseconds. */
const CHANGE_LIMIT_MS = 5000;
/**
 * While a change is waited for, the first dial waits this long for its answer, which is also the resolution of the
 * time that is measured; each further one waits longer, lest a busy machine never answer in time.
 */
const GLIMPSE_MS = 40;
const GLIMPSE_GROWTH = 1.3;

/** Dials and compares. */
export async function tryFlow(cluster: Cluster, flow: StagedFlow, family: Family): Promise<FlowResult> {
  return attempt(cluster, flow, family, 'instead' in flow.expected ? IN_VAIN_MS : PATIENCE_MS);
}

/** Dials until the outcome is the expected one or the time is over; gives the last outcome and the time it took. */
export async function awaitFlow(
  cluster: Cluster,
  flow: StagedFlow,
  family: Family,
  since: number,
  signal: AbortSignal,
): Promise<{ readonly outcome: FlowResult; readonly milliseconds: number }> {
  for (let glimpse = GLIMPSE_MS; ; glimpse = Math.min(glimpse * GLIMPSE_GROWTH, PATIENCE_MS)) {
    const outcome = await attempt(cluster, flow, family, Math.round(glimpse));
    const milliseconds = performance.now() - since;
    if (outcome.asExpected || milliseconds > CHANGE_LIMIT_MS || signal.aborted) {
      return { outcome, milliseconds };
    }
  }
}

async function attempt(
  cluster: Cluster,
  flow: StagedFlow,
  family: Family,
  timeoutMs: number,
): Promise<FlowResult> {
  const { from, to, port, protocol, attempts = 1 } = flow;
  const probe = cluster.host(from).host.probe();
  const dial = () => probe.dial({ to: to[family], port, protocol, timeoutMs });
  const endings = gather(await Promise.all(Array.from({ length: attempts }, dial)));
  return { flow, family, endings, asExpected: isAsExpected(flow, family, endings) };
}

/** Counts outcomes that are alike; sorted by their ends. */
function gather(outcomes: readonly DialOutcome[]): readonly Ending[] {
  const counts = new Map<string, Ending>();
  for (const outcome of outcomes) {
    const { end, saw } = endingOf(outcome);
    const key = `${end} ${saw}`;
    counts.set(key, { end, saw, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, ending]) => ending);
}

function endingOf(outcome: DialOutcome): Omit<Ending, 'count'> {
  switch (outcome.outcome) {
    case 'answered':
      return { end: outcome.by, saw: outcome.sawSource.replace(/^\[?(.*?)\]?:\d+$/, '$1') };
    case 'refused':
      return { end: 'refused', saw: null };
    case 'timeout':
      return { end: 'no answer', saw: null };
    case 'unreachable':
      return { end: `unreachable (${outcome.how})`, saw: null };
  }
}
