/** The answer is larger than the caller can hold. */
export class WhatIfTooLarge extends Error {
  readonly code = 'KNAT_WHAT_IF_LIMIT';
  override readonly name = 'WhatIfTooLarge';

  constructor(most: number) {
    super(`the change has more than ${most} classes of packets: ask about a part of it`);
  }
}

/** Fits into the heap that bin/knat allows: a class takes some 2.5 KB. */
export const MOST_CLASSES = 500_000;
