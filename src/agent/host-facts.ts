import type { SideCode } from '../model/finding-codes.ts';
import type { NodeFacts } from '../model/node.ts';

/** What is known of this machine beside its addresses. */
export type HostFacts = Pick<NodeFacts, 'listeners' | 'portRules' | 'reservedPorts'>;

export const NOTHING_KNOWN: HostFacts = Object.freeze({
  listeners: [],
  portRules: [],
  reservedPorts: [],
});

/** Finds out something of this machine, and keeps it up to date. */
export interface HostFactSource {
  /** What is known now. */
  current(): Partial<HostFacts>;
  /**
   * Calls back after every change, until the function that is returned is called. `trouble` is told under which code
   * and why it cannot be found out, and with null when it can again.
   */
  watch(onChange: () => void, trouble: (code: SideCode, message: string | null) => void): () => void;
}

/** All that the sources know. */
export function hostFactsOf(sources: readonly HostFactSource[]): HostFacts {
  return Object.assign({}, NOTHING_KNOWN, ...sources.map((source) => source.current()));
}
