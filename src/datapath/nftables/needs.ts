/** What of the chains is there only while an entry needs it. A rule that nobody needs would cost every packet. */
import type { PlanEntry } from '../../plan/entry.ts';
import { timeoutOf, timeoutOfChain } from './affinity.ts';
import type { PlacedElement } from './element.ts';
import type { SetName } from './sets.ts';
import { UseCount } from './use-count.ts';

/** Parts of the rules, by the name of a chain that only they have. */
export const PARTS = ['source_ranges', 'policy_local_sources', 'bound_pods', 'ruled_sources'] as const;
export type Part = (typeof PARTS)[number];

/** A part, or the chain of session affinity with a timeout in seconds. */
export type Need = Part | number;

/** What needs say about the chains. */
export interface Needed {
  /** The timeouts of session affinity that are in use, in seconds, sorted: each has a chain. */
  readonly timeouts: readonly number[];
  readonly parts: ReadonlySet<Part>;
}

export const nothingNeeded: readonly Need[] = Object.freeze([]);

export function needsOf(entry: PlanEntry): readonly Need[] {
  switch (entry.kind) {
    case 'ServiceFrontend': {
      const timeout = timeoutOf(entry);
      if (timeout === null && entry.sourceRanges === null && entry.localEndpoints === null)
        return nothingNeeded;
      const needs: Need[] = timeout === null ? [] : [timeout];
      if (entry.sourceRanges !== null) needs.push('source_ranges');
      if (entry.localEndpoints !== null) needs.push('policy_local_sources');
      return needs;
    }
    case 'PodBinding':
      return entry.sourceRanges === null ? nothingNeeded : ['source_ranges'];
    case 'PodSource':
    case 'PodSourcePort':
      return ['bound_pods'];
    case 'EgressSource':
      return entry.cells.length === 0 && entry.rest === null ? nothingNeeded : ['ruled_sources'];
    default:
      return nothingNeeded;
  }
}

const partsBySet: Partial<Readonly<Record<SetName, Part>>> = {
  restricted: 'source_ranges',
  restricted_ranges: 'source_ranges',
  policy_local: 'policy_local_sources',
  pod_ports: 'bound_pods',
  pod_port_ranges: 'bound_pods',
  pod_sources: 'bound_pods',
  egress_to: 'ruled_sources',
  egress_to_addresses: 'ruled_sources',
  egress_from: 'ruled_sources',
  egress_from_addresses: 'ruled_sources',
};

/** What an element needs that stands in the kernel. */
export function needsOfElement({ set, element }: PlacedElement): readonly Need[] {
  const part = partsBySet[set];
  if (part !== undefined) return [part];
  if (set !== 'special_chains' && set !== 'view_chains') return nothingNeeded;
  const timeout = timeoutOfChain(element.verdict?.chain ?? '');
  return timeout === null ? nothingNeeded : [timeout];
}

/** What tables with chains of these names were made for. */
export function needsOfChains(names: readonly string[]): Need[] {
  const timeouts = names.map(timeoutOfChain).filter((timeout) => timeout !== null);
  return [...timeouts, ...PARTS.filter((part) => names.includes(part))];
}

/** Counts who needs what. */
export function needCount(needs: Iterable<Need>): UseCount<Need> {
  return UseCount.of(needs, (need) => need);
}

/** Those that somebody needs. */
export function needsIn(count: UseCount<Need>): Need[] {
  return count.names as Need[]; // the name of a need is the need
}

/** Each need once or several times. */
export function neededBy(needs: Iterable<Need>): Needed {
  const all = new Set(needs);
  const timeouts = [...all].filter((need) => typeof need === 'number').sort((a, b) => a - b);
  return { timeouts, parts: new Set(PARTS.filter((part) => all.has(part))) };
}
