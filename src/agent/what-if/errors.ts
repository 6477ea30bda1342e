import type { WhatIfOutcome } from './messages.ts';

/** Another question of what-if is being answered. */
export class WhatIfBusy extends Error {
  readonly code = 'KNAT_WHAT_IF_BUSY';
  override readonly name = 'WhatIfBusy';
  readonly status = 503;
  constructor() {
    super('another question of what-if is being answered; try again shortly');
  }
}

/** There is no answer within the limits of memory and time. */
export class WhatIfUnanswered extends Error {
  readonly code = 'KNAT_WHAT_IF_LIMIT';
  override readonly name = 'WhatIfUnanswered';
  readonly status = 503;
  constructor(why: string) {
    super(`what-if has no answer: ${why}`);
  }
}

/** What the answering process says. */
export class WhatIfFailed extends Error {
  readonly code: string;
  override readonly name = 'WhatIfFailed';
  readonly details: readonly string[];
  constructor({ code, message, details }: NonNullable<WhatIfOutcome['failure']>) {
    super(message);
    this.code = code;
    this.details = details;
  }
}
