import type { SideCode } from '../model/finding-codes.ts';
import type { NodeFacts } from '../model/node.ts';

/** Which ports of this machine have a user already, as far as it is known. */
export type TakenPorts = Pick<NodeFacts, 'listeners' | 'portRules' | 'reservedPorts'>;

export const NONE_TAKEN: TakenPorts = Object.freeze({
  listeners: [],
  portRules: [],
  reservedPorts: [],
});

/** Finds out some of them, and keeps them up to date. */
export interface TakenPortSource {
  /** What is known now. */
  current(): Partial<TakenPorts>;
  /**
   * Calls back after every change, until the function that is returned is called. `trouble` is told under which code
   * and why it cannot be found out, and with null when it can again.
   */
  watch(onChange: () => void, trouble: (code: SideCode, message: string | null) => void): () => void;
}

/** All that the sources know. */
export function takenPortsOf(sources: readonly TakenPortSource[]): TakenPorts {
  return Object.assign({}, NONE_TAKEN, ...sources.map((source) => source.current()));
}
