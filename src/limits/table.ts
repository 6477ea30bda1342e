import { answerLimits } from './answers.ts';
import { clientLimits } from './clients.ts';
import type { Limit } from './limit.ts';
import { objectLimits } from './objects.ts';
import { recordLimits } from './records.ts';
import { sourceLimits } from './sources.ts';

/** The groups of docs/limits.md. @internal used by tests alone */
export const limitGroups = {
  'What clients can take': clientLimits,
  'What questions may cost': answerLimits,
  'What one object can ask for': objectLimits,
  'What a source can give': sourceLimits,
  'What the agent keeps': recordLimits,
} as const satisfies Readonly<Record<string, Readonly<Record<string, Limit>>>>;

/** Every limit of the agent that no option sets. Rooms read theirs here and tell `limitReached`. */
export const limits = {
  ...clientLimits,
  ...answerLimits,
  ...objectLimits,
  ...sourceLimits,
  ...recordLimits,
} as const satisfies Readonly<Record<string, Limit>>;

export type LimitName = keyof typeof limits;

/** The limits that are counted when they are reached; a finding about an object tells of the others. */
export const LIMIT_NAMES = (Object.keys(limits) as LimitName[]).filter(
  (name) => limits[name].told.by !== 'code',
);
