import type { Finding } from '../model/finding.ts';
import type { HostFacts } from './host-facts.ts';

/** Something about the host that stands against NAT: what is so, without its end. */
export interface HostFinding extends Pick<Finding, 'severity' | 'message'> {
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
  readonly examine: (facts: HostFacts) => readonly HostFinding[] | string;
}

/** What one check found. */
export interface CheckResult {
  readonly check: string;
  readonly title: string;
  readonly findings: readonly HostFinding[];
  /** Why it could not be looked at; null when it was. */
  readonly unseen: string | null;
}
