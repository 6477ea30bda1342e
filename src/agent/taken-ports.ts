import type { SideCode } from '../model/finding-codes.ts';
import type { NodeFacts } from '../model/node.ts';

/** The ports of this machine that are known to be in use. */
export type TakenPorts = Pick<NodeFacts, 'listeners' | 'portRules' | 'reservedPorts'>;

export const NONE_TAKEN: TakenPorts = Object.freeze({
  listeners: [],
  portRules: [],
  reservedPorts: [],
});

/** Looks up some of them, and keeps them up to date. */
export interface TakenPortSource {
  /** What is known at present. */
  current(): Partial<TakenPorts>;
  /**
   * Calls `onChange` after every change, until the returned function is called. `trouble` gets a code and the reason when
   * the ports cannot be read, and null when they can be read again.
   */
  watch(onChange: () => void, trouble: (code: SideCode, message: string | null) => void): () => void;
}

/** All that the sources know. */
export function takenPortsOf(sources: readonly TakenPortSource[]): TakenPorts {
  return Object.assign({}, NONE_TAKEN, ...sources.map((source) => source.current()));
}
