import type { Notice } from '../model/finding.ts';
import type { PlanEntry } from './entry.ts';

/** What one object (a Service with its slices, a Pod, the pools together) wants of the plan. */
export interface Fragment {
  readonly entries: readonly PlanEntry[];
  readonly notices: readonly Notice[];
}

export const emptyFragment: Fragment = Object.freeze({ entries: [], notices: [] });
