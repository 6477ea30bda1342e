import type { ChangedPackets } from '../forms/journal.ts';
import { whatIfOn } from '../what-if/answer.ts';
import { WhatIfTooLarge } from '../what-if/limit.ts';
import type { PlannedChange } from '../what-if/planned.ts';
import { type SummaryLimits, summaryOf } from '../what-if/summary.ts';

/** One entry of many: what-if itself tells more. */
const LIMITS: SummaryLimits = { objects: 10, linesOfObject: 5, others: 5 };
/** Classes of packets; a commit that has more is told to be too large. */
const MOST_CLASSES = 20_000;

/** Which packets have another fate after a change, as what-if tells it. */
export function changedPackets(planned: PlannedChange<unknown>): ChangedPackets {
  try {
    const { objects, more, unknown, moreUnknown } = summaryOf(whatIfOn(planned, MOST_CLASSES), LIMITS);
    const notes = unknown.map(({ reason }) => reason);
    if (moreUnknown > 0) notes.push(`and ${moreUnknown} more notes`);
    return { objects, more, notes };
  } catch (error) {
    if (!(error instanceof WhatIfTooLarge)) throw error;
    return { objects: [], more: 0, notes: ['so many packets changed that they are not told one by one'] };
  }
}
