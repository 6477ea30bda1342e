import type { HostFacts, HostFinding } from './host-facts.ts';

/** Checks one possible fault of a host. Pure: facts are collected before. */
export interface Check {
  /** Stable name in `-o json`: `conntrack-fill`. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** Empty: no fault. A text: why the check was impossible. */
  readonly examine: (facts: HostFacts) => readonly HostFinding[] | string;
}

export interface CheckResult {
  readonly check: string;
  readonly title: string;
  readonly findings: readonly HostFinding[];
  /** Why the check was impossible; null if it was possible. */
  readonly unseen: string | null;
}
