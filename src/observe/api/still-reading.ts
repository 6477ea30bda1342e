import type { AgentView } from './view.ts';

/** The question needs a plan, but none exists yet. */
export class StillReading extends Error {
  readonly code = 'KNAT_SOURCE_READING';
  override readonly name = 'StillReading';

  /** @param seconds since the agent started */
  constructor(seconds: number) {
    super(`the agent is still reading its source (${seconds} s so far); try again shortly`);
  }
}

export function requirePlan(view: Pick<AgentView, 'reading'>): void {
  const seconds = view.reading();
  if (seconds !== null) throw new StillReading(seconds);
}
