import type { Cluster } from '../lab/cluster.ts';
import type { DialOutcome } from '../lab/probe-messages.ts';
import type { Family } from '../net/family.ts';
import { type Ending, type FlowResult, isAsExpected, type StagedFlow } from './flow.ts';

/** Milliseconds to wait for an answer that should not come, and for one that should. */
const IN_VAIN_MS = 300;
const PATIENCE_MS = 3000;

/** Most milliseconds to wait for a change to take effect. */
const CHANGE_LIMIT_MS = 5000;
/** Timeout of the first dial after a change: the resolution of the measured time. Each further dial waits longer. */
const GLIMPSE_MS = 40;
const GLIMPSE_GROWTH = 1.3;

export async function tryFlow(cluster: Cluster, flow: StagedFlow, family: Family): Promise<FlowResult> {
  return attempt(cluster, flow, family, 'instead' in flow.expected ? IN_VAIN_MS : PATIENCE_MS);
}

/** Dials until the outcome is as expected or the time is over; returns the last outcome and the time it took. */
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
