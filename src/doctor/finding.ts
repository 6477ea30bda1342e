import type { HostFacts, HostFinding } from './host-facts.ts';

/** Checks one thing that can be wrong with a host. Pure: facts are collected before. */
export interface Check {
  /** Name in `-o json`, which never changes: `conntrack-fill`. */
  readonly name: string;
  /** What it checks, for people. */
  readonly title: string;
  /** Empty: all is well. A text: why it could not be checked. */
  readonly examine: (facts: HostFacts) => readonly HostFinding[] | string;
}

/** What one check found. */
export interface CheckResult {
  readonly check: string;
  readonly title: string;
  readonly findings: readonly HostFinding[];
  /** Why it could not be checked; null if it was. */
  readonly unseen: string | null;
}
