import type { SideCode } from '../model/finding-codes.ts';
import type { NodeFacts } from '../model/node.ts';

/** Ports of this machine known to be in use. */
export type TakenPorts = Pick<NodeFacts, 'listeners' | 'portRules' | 'reservedPorts'>;

export const NONE_TAKEN: TakenPorts = Object.freeze({
  listeners: [],
  portRules: [],
  reservedPorts: [],
});

export interface TakenPortSource {
  current(): Partial<TakenPorts>;
  /**
   * Calls `onChange` after every change, until the returned function is called. `trouble` gets a code and the reason
   * when the ports become unreadable, and null when they are readable again.
   * @param inForce resolves once the kernel has the plan: what slows down the first, large programming begins then
   */
  watch(
    onChange: () => void,
    trouble: (code: SideCode, message: string | null) => void,
    inForce: Promise<void>,
  ): () => void;
}

export function takenPortsOf(sources: readonly TakenPortSource[]): TakenPorts {
  return Object.assign({}, NONE_TAKEN, ...sources.map((source) => source.current()));
}
