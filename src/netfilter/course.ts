import { type PassingPacket, packetKey } from './packet.ts';
import type { Effect, HookName, RulePlace } from './rule.ts';

/** A rule of another program that did something with the packet. */
export interface Met {
  readonly hook: HookName;
  readonly rule: RulePlace;
  readonly effect: Effect;
  readonly before: PassingPacket;
  readonly after: PassingPacket;
}

/** The course holds only if the rule matches, or only if `dependsOn` turns out so. */
export interface Assumption {
  readonly rule: RulePlace;
  readonly dependsOn: string;
}

/**
 * One way that a packet may take up to now. Where a rule cannot be decided, a course divides: on the one branch the rule
 * matches, which is an assumption; on the other it does not. A course without assumptions holds if no undecided rule matches.
 */
export interface Course<Own = unknown> {
  readonly packet: PassingPacket;
  readonly assumed: readonly Assumption[];
  readonly met: readonly Met[];
  /** What knat's own rules did, which only the caller understands. */
  readonly own: Own;
}

export type Verdict = 'accept' | 'drop' | 'reject' | 'unknown';

/** A course that ended in a chain. */
export interface Ended<Own = unknown> {
  readonly course: Course<Own>;
  readonly verdict: Exclude<Verdict, 'accept'>;
  readonly by: RulePlace | null;
  /** For `by` null. */
  readonly because: string;
}

/** Where courses are after a chain or a hook. */
export interface Division<Own = unknown> {
  readonly on: readonly Course<Own>[];
  readonly ended: readonly Ended<Own>[];
}

/** Courses with the same packet become one, the one with the fewest assumptions: what divided them does not matter. */
export function merged<Own>(courses: readonly Course<Own>[]): readonly Course<Own>[] {
  if (courses.length < 2) return courses;
  const byKey = new Map<string, Course<Own>>();
  for (const course of courses) {
    const key = `${packetKey(course.packet)} ${JSON.stringify(course.own)}`;
    const other = byKey.get(key);
    if (other === undefined || course.assumed.length < other.assumed.length) byKey.set(key, course);
  }
  return [...byKey.values()];
}
