import type { AgentView } from './view.ts';

/** The first plan is not made yet, so questions about it cannot be answered. */
export class StillReading extends Error {
  readonly code = 'KNAT_SOURCE_READING';
  override readonly name = 'StillReading';

  /** @param seconds since the agent started */
  constructor(seconds: number) {
    super(`the agent is still reading its source (${seconds} s so far); try again shortly`);
  }
}

/** Throws StillReading before the first plan. */
export function requirePlan(view: Pick<AgentView, 'reading'>): void {
  const seconds = view.reading();
  if (seconds !== null) throw new StillReading(seconds);
}
