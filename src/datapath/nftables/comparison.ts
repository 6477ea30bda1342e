import { type Difference, difference } from '../../delta/delta.ts';
import { FAMILIES } from '../../net/family.ts';
import type { PlanEntry } from '../../plan/entry.ts';
import { type NatPlan, scopeOf } from '../../plan/nat-plan.ts';
import { isUnread, type Unread } from '../datapath.ts';
import { timeoutOf, timeoutOfChain } from './affinity.ts';
import { EGRESS_CHAINS_FROM, type EgressChains } from './egress.ts';
import { elementComparison, isShared, type PlacedElement } from './element.ts';
import { constantElements, elementsOf } from './entry-elements.ts';
import { FoundEndpoints } from './found-endpoints.ts';
import { withGuards } from './guards.ts';
import { keysForLater } from './pieces.ts';
import type { SkeletonVariant } from './skeleton.ts';
import { SlotReader } from './slot-reader.ts';
import type { Programmed } from './slots.ts';
import { entryOf } from './unclaimed.ts';
import { isConcerned, unclaimedElements, whileUnread } from './unread.ts';
import { UseCount } from './use-count.ts';

const noKeys: ReadonlySet<string> = new Set();

/** The whole plan beside what was read from the kernel. Writes nothing. */
export class Comparison {
  readonly #plan: NatPlan;
  readonly #unread: Unread | null;
  readonly #isRefused: (entry: PlanEntry) => boolean;
  readonly #standingEgress: () => EgressChains;

  /**
   * @param unread what could not be read since the start; null: nothing
   * @param isRefused the kernel does not take this entry
   * @param standingEgress what the egress chains in the kernel are made for
   */
  constructor(
    plan: NatPlan,
    unread: Unread | null,
    isRefused: (entry: PlanEntry) => boolean,
    standingEgress: () => EgressChains,
  ) {
    this.#plan = plan;
    this.#unread = unread;
    this.#isRefused = isRefused;
    this.#standingEgress = standingEgress;
  }

  /** All entries but those that the kernel refuses, and those that come later. */
  entries(later: ReadonlySet<string> = noKeys): PlanEntry[] {
    return [...this.#plan.entries()].filter((entry) => !this.#isRefused(entry) && !later.has(entry.key));
  }

  /** Keys of what is so large that all else is to be in force before, and of which the kernel has nothing yet. */
  keysForLater(found: readonly PlacedElement[]): ReadonlySet<string> {
    if (this.#unread !== null) return noKeys;
    const entries = this.entries();
    const some = keysForLater(this.#plan, entries, () => false);
    if (some.size === 0 || found.length === 0) return some;
    const there = new Set(
      found.flatMap((placed) => (isShared(placed) ? [] : (entryOf(placed, this.#plan)?.key ?? []))),
    );
    return keysForLater(this.#plan, entries, (key) => there.has(key));
  }

  /** What the chains are to be made for: what entries ask for, and what stays for objects that cannot be read. */
  chains(
    found: readonly PlacedElement[],
    later: ReadonlySet<string> = noKeys,
  ): { readonly timeouts: UseCount<number>; readonly variant: SkeletonVariant } {
    const kept = this.#unread === null ? [] : unclaimedElements(this.#plan, found, this.#unread);
    const timeouts = UseCount.of(
      [...this.entries(later).flatMap(timeoutsOf), ...kept.flatMap(timeoutsIn)],
      String,
    );
    let egress = egressChainsOf(this.#plan);
    if (this.#unread !== null && isUnread(this.#unread, EGRESS_CHAINS_FROM)) {
      const standing = this.#standingEgress();
      egress = {
        interfaceFilter: egress.interfaceFilter ?? standing.interfaceFilter,
        hasAddress: egress.hasAddress || standing.hasAddress,
      };
    }
    return { timeouts, variant: { timeouts: inOrder(timeouts.names.map(Number)), egress } };
  }

  /**
   * What to write.
   *
   * @param actual what stands in the tables that are written to
   * @param before what stands in tables that are replaced
   */
  changes(
    actual: readonly PlacedElement[],
    before: readonly PlacedElement[] = [],
    later: ReadonlySet<string> = noKeys,
  ): WholeChange {
    const slots = new SlotReader(actual);
    const programmed = new Map<string, Programmed>();
    const extended = new Set<string>();
    const found = this.#unread === null ? [] : withGuards([...actual, ...before]);
    const standing = this.#unread === null ? null : new FoundEndpoints(found, this.#unread);
    for (const planned of this.entries(later)) {
      const entry = standing?.in(planned) ?? planned;
      if (entry !== planned) extended.add(entry.key);
      programmed.set(entry.key, slots.programmed(entry));
    }
    const desired = desiredElements(programmed.values());
    const wanted = this.#unread === null ? desired : whileUnread(desired, found, this.#plan, this.#unread);
    // Into an empty table everything is written: nothing to compare, and no names to make for it.
    const changes =
      actual.length === 0 ? { add: [...wanted], remove: [] } : difference(wanted, actual, elementComparison);
    const shared: PlacedElement[] = [];
    for (const each of programmed.values()) {
      for (const placed of elementsOf(each)) if (isShared(placed)) shared.push(placed);
    }
    // What stays for objects that cannot be read is one more user of what it shares with others.
    for (const placed of found)
      if (isShared(placed) && isConcerned(placed, this.#unread)) shared.push(placed);
    return { changes, programmed, extended, shared: UseCount.of(shared, elementComparison.identity) };
  }
}

/** The difference of the whole plan and the kernel. */
export interface WholeChange {
  readonly changes: Difference<PlacedElement>;
  /** What the kernel holds afterwards. */
  readonly programmed: Map<string, Programmed>;
  /** Keys of frontends that have more endpoints in the kernel than in the plan, of unread objects. */
  readonly extended: ReadonlySet<string>;
  /** The elements that several entries may have, by how many of these have them. */
  readonly shared: UseCount<PlacedElement>;
}

/** The chains are the same in both families. */
export function egressChainsOf(plan: NatPlan): EgressChains {
  return {
    interfaceFilter: scopeOf(plan, 'IPv4').egress.interfaceFilter,
    hasAddress: FAMILIES.some((family) => scopeOf(plan, family).egress.address !== null),
  };
}

/** All elements of a table with these entries, each once. */
export function* desiredElements(programmed: Iterable<Programmed>): Generator<PlacedElement> {
  for (const family of FAMILIES) yield* constantElements(family);
  const shared = new Set<string>();
  for (const each of programmed) {
    for (const placed of elementsOf(each)) {
      if (isShared(placed)) {
        const name = elementComparison.identity(placed);
        if (shared.has(name)) continue;
        shared.add(name);
      }
      yield placed;
    }
  }
}

/** In seconds: the chain that the entry needs, if it does. */
function timeoutsOf(entry: PlanEntry): readonly number[] {
  const timeout = timeoutOf(entry);
  return timeout === null ? none : [timeout];
}

const none: readonly number[] = Object.freeze([]);

function timeoutsIn({ set, element }: PlacedElement): number[] {
  const timeout =
    set === 'special_chains' || set === 'view_chains' ? timeoutOfChain(element.verdict?.chain ?? '') : null;
  return timeout === null ? [] : [timeout];
}

export function inOrder(timeouts: readonly number[]): number[] {
  return [...timeouts].sort((a, b) => a - b);
}
