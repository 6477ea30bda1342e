import type { Cost, ProcessCost } from '../cost.ts';
import { round } from '../cost.ts';
import { quantile } from '../nodes.ts';
import type { Measure } from './cases.ts';
import type { Checked } from './check.ts';

export interface Spread {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly worst: number;
}

/** The start of an agent, until everything is in the kernel that had nothing. */
export interface ColdResult extends Cost {
  readonly peakMiB: number;
  /** Some seconds later. */
  readonly afterMiB: number;
  /**
   * Sockets of other network namespaces that listen to nf_tables: the kernel makes a notification for each element while
   * there are any, which adds to `systemMs`.
   */
  readonly listeners: number;
}

export interface ChangesResult {
  /** Of the agent, for all of them. */
  readonly cost: ProcessCost & Pick<Cost, 'allocatedKiB'>;
  readonly events: number;
  readonly transactions: number;
  /** From the write of an object until the kernel reports the element. */
  readonly latencyMs: Spread;
  /** Processors that the agent used, second by second. */
  readonly cores: Spread;
  readonly peakMiB: number;
  /** The longest that the API server wrote an object later than planned: the load of the machine. */
  readonly serverLateMs: number;
  /** The latency below which 0 %, 1 %, … 100 % of the changes are. */
  readonly latencyCurve: readonly number[];
  readonly coresBySecond: readonly number[];
}

/** Of the program nft, which writes Services in the layout of kube-proxy. */
export interface Baseline extends ProcessCost {
  readonly services: number;
  readonly endpoints: number;
  readonly ms: number;
  readonly endpointChange: { readonly p50Ms: number; readonly each: ProcessCost };
}

export interface CaseResult {
  readonly name: string;
  readonly services: number;
  readonly endpoints: number;
  readonly egressPods: number;
  /** The objects as the API server sends them. */
  readonly jsonMiB: number;
  readonly cold: ColdResult;
  readonly changes: ChangesResult | null;
  readonly checked: Checked;
  readonly baseline: Baseline;
}

export function spreadOf(values: readonly number[]): Spread {
  const at = (share: number) => round(quantile(values, share));
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), worst: at(1) };
}

export function curveOf(values: readonly number[]): number[] {
  return Array.from({ length: 101 }, (_, percent) => round(quantile(values, percent / 100)));
}

/** NaN where the case has no such measure. */
export function measured({ cold, changes }: CaseResult, measure: Measure): number {
  switch (measure) {
    case 'coldMs':
      return cold.ms;
    case 'latencyP50Ms':
      return changes?.latencyMs.p50 ?? Number.NaN;
    case 'latencyP99Ms':
      return changes?.latencyMs.p99 ?? Number.NaN;
    case 'coresP50':
      return changes?.cores.p50 ?? Number.NaN;
    case 'changesPeakMiB':
      return changes?.peakMiB ?? Number.NaN;
    default:
      return measure satisfies never;
  }
}
