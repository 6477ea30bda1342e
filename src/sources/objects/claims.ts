import { deepEqual } from '../../model/equal.ts';
import type { FactChange, ObjectKind } from '../../model/facts.ts';
import { compareText } from '../../model/text.ts';
import { type AnyFact, factChange } from './fact-object.ts';

/** An object's value from one file or API group. */
export interface Claim {
  readonly kind: ObjectKind;
  readonly key: string;
  /** Each owner has at most one claim to an object. */
  readonly owner: string;
  /** 1-based line in the owner, for messages; 0 without lines. */
  readonly line: number;
  /** The lowest rank is the object's value; among equal ranks the owner that sorts first. */
  readonly rank: number;
  readonly fact: AnyFact;
}

/** A claim without effect, since another owner of the same rank claims the object too. */
export interface ContestedObject {
  readonly winner: Claim;
  readonly loser: Claim;
}

/**
 * Merges the objects of several owners. An object that moves between owners between two calls of `takeChanges` is never
 * removed.
 */
export class Claims {
  /** By `kind/key`, the deciding claim first. */
  readonly #claims = new Map<string, readonly Claim[]>();
  /** Objects changed since the last `takeChanges`, with the claim that decided then. */
  readonly #touched = new Map<string, Claim | null>();
  readonly #contested = new Set<string>();

  set(claim: Claim): void {
    const { id, others } = this.#touch(claim.kind, claim.key, claim.owner);
    this.#store(id, [...others, claim].sort(byPrecedence));
  }

  remove(kind: ObjectKind, key: string, owner: string): void {
    const { id, others } = this.#touch(kind, key, owner);
    this.#store(id, others);
  }

  takeChanges(): FactChange[] {
    const changes: FactChange[] = [];
    for (const [id, before] of this.#touched) {
      const now = this.#claims.get(id)?.[0] ?? null;
      if (now !== null && !deepEqual(now.fact, before?.fact)) {
        changes.push(factChange(now.kind, now.key, now.fact));
      } else if (now === null && before !== null) changes.push(factChange(before.kind, before.key, null));
    }
    this.#touched.clear();
    return changes;
  }

  /** In no order. */
  *conflicts(): Generator<ContestedObject> {
    for (const id of this.#contested) {
      const [winner, ...others] = this.#claims.get(id) ?? [];
      if (winner === undefined) continue;
      for (const loser of others) if (loser.rank === winner.rank) yield { winner, loser };
    }
  }

  #touch(kind: ObjectKind, key: string, owner: string): { id: string; others: readonly Claim[] } {
    const id = `${kind}/${key}`;
    const claims = this.#claims.get(id) ?? [];
    if (!this.#touched.has(id)) this.#touched.set(id, claims[0] ?? null);
    return { id, others: claims.filter((claim) => claim.owner !== owner) };
  }

  #store(id: string, claims: readonly Claim[]): void {
    if (claims.length === 0) this.#claims.delete(id);
    else this.#claims.set(id, claims);
    if (claims.length > 1) this.#contested.add(id);
    else this.#contested.delete(id);
  }
}

function byPrecedence(a: Claim, b: Claim): number {
  return a.rank - b.rank || compareText(a.owner, b.owner);
}
