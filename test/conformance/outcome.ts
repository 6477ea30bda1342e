import type { RecordedFlow } from './records.ts';

/** The result of a flow, in the words of the records; `verdict` is another word where none of theirs fits. */
export interface Outcome {
  readonly verdict: string;
  readonly endpoints: readonly string[];
  readonly masq: boolean;
}

/** A flow for which the outcome is not the recorded one. */
export interface Failure {
  readonly recordId: string;
  readonly flow: RecordedFlow;
  readonly got: Outcome;
}

/** The flow as a failure if its outcome differs from the recorded one. */
export function failureOf(recordId: string, flow: RecordedFlow, got: Outcome): Failure | null {
  return formatOutcome(flow) === formatOutcome(got) ? null : { recordId, flow, got };
}

/** Two or three lines for people. */
export function formatFailure({ recordId, flow, got }: Failure): string {
  const { name, sourceIP, protocol, destIP, destPort } = flow;
  return [
    `${recordId} "${name}": ${protocol} ${sourceIP} → ${destIP} port ${destPort}`,
    `  expected: ${formatOutcome(flow)}`,
    `  got:      ${formatOutcome(got)}`,
  ].join('\n');
}

/** `dnat, masq: 10.0.0.1:80, 10.0.0.2:80`; endpoints are a set. */
function formatOutcome({ verdict, endpoints, masq }: Outcome): string {
  if (verdict !== 'dnat') return verdict;
  return `dnat${masq ? ', masq' : ''}: ${[...new Set(endpoints)].sort().join(', ')}`;
}
