import type { FaultKind } from './fault.ts';
import { Random } from './random.ts';
import type { SourceKind } from './store/store.ts';

/** Faults that share an agent and its objects, unless a fault ends the agent. The objects begin anew with each life. */
export const LIFE = 100;

export interface Scheduled {
  readonly index: number;
  readonly kind: FaultKind;
  readonly random: Random;
}

/** Everything about a life follows from the seed and the number of its first fault. */
export interface Life {
  readonly source: SourceKind;
  /** Only faults that the agent survives, so that its memory can be followed. */
  readonly isLong: boolean;
  /** Indices of its faults. */
  readonly first: number;
}

export function lifeOf(index: number): Life {
  const number = Math.floor(index / LIFE);
  return {
    source: number % 2 === 0 ? 'folder' : 'kubernetes',
    isLong: number % 4 >= 2,
    first: number * LIFE,
  };
}

/** The fault with this index. @param source that of its life, or another one that was asked for */
export function scheduled(
  seed: number,
  index: number,
  kinds: readonly FaultKind[],
  source: SourceKind,
): Scheduled {
  const random = Random.of(seed, index);
  const { isLong } = lifeOf(index);
  const possible = kinds.filter(
    (kind) => !(isLong && kind.endsAgent === true) && (kind.source ?? source) === source,
  );
  return { index, kind: random.pick(possible), random };
}
