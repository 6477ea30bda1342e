import type { HostFacts } from './host-facts.ts';

/** How much a finding matters: a `note` explains, a `warning` may cost packets, an `error` does. */
export type Severity = 'note' | 'warning' | 'error';

/** Something about the host that stands against NAT, and what to do about it. */
export interface Finding {
  readonly severity: Severity;
  /** What is so, without its end. */
  readonly message: string;
  /** What to do: a sentence, or something to type. */
  readonly remedy: string;
}

/** One thing that can be wrong with a host: pure, over facts that were collected before. */
export interface Check {
  /** Its name in `-o json`, which never changes: `conntrack-fill`. */
  readonly name: string;
  /** What it looks at, for people. */
  readonly title: string;
  /** Empty: all is well. A text: why it could not be looked at. */
  readonly examine: (facts: HostFacts) => readonly Finding[] | string;
}

/** What one check found. */
export interface CheckResult {
  readonly check: string;
  readonly title: string;
  readonly findings: readonly Finding[];
  /** Why it could not be looked at; null when it was. */
  readonly unseen: string | null;
}
