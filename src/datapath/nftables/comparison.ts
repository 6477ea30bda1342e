import type { Difference } from '../../delta/delta.ts';
import { FAMILIES } from '../../net/family.ts';
import type { FamilyScope, PlanEntry } from '../../plan/entry.ts';
import { type NatPlan, scopeOf } from '../../plan/nat-plan.ts';
import { isUnread, type Unread } from '../datapath.ts';
import { BesideFound } from './beside-found.ts';
import { EGRESS_CHAINS_FROM, type EgressChains } from './egress.ts';
import { type Elements, isShared, type PlacedElement, PlacedElements, rowOf } from './element.ts';
import { elementsOf, putConstants, putElements } from './entry-elements.ts';
import { FoundElements } from './found-elements.ts';
import { FoundEndpoints } from './found-endpoints.ts';
import { withGuards } from './guards.ts';
import { type Need, needCount, neededBy, needsIn, needsOf, needsOfElement } from './needs.ts';
import { networksIn, networksOf } from './networks.ts';
import { keysForLater } from './pieces.ts';
import { type ProgrammedByKey, ProgrammedEntries } from './programmed-entries.ts';
import { CountingShared, sharedName } from './shared-elements.ts';
import type { RuleSettings, SkeletonVariant } from './skeleton.ts';
import { SlotReader } from './slot-reader.ts';
import { type Programmed, program } from './slots.ts';
import { entryOf } from './unclaimed.ts';
import { isConcerned, unclaimedElements, whileUnread } from './unread.ts';
import type { UseCount } from './use-count.ts';

const noKeys: ReadonlySet<string> = new Set();

/** The whole plan beside what was read from the kernel. Writes nothing. */
export class Comparison {
  readonly #plan: NatPlan;
  readonly #unread: Unread | null;
  readonly #isRefused: ((entry: PlanEntry) => boolean) | null;
  readonly #standingEgress: () => EgressChains;

  /**
   * @param unread what could not be read since the start; null: nothing
   * @param isRefused the kernel does not take this entry; null: it takes all
   * @param standingEgress what the egress chains in the kernel are made for
   */
  constructor(
    plan: NatPlan,
    unread: Unread | null,
    isRefused: ((entry: PlanEntry) => boolean) | null,
    standingEgress: () => EgressChains,
  ) {
    this.#plan = plan;
    this.#unread = unread;
    this.#isRefused = isRefused;
    this.#standingEgress = standingEgress;
  }

  /** All entries but those that the kernel refuses, and those that come later. */
  entries(later: ReadonlySet<string> = noKeys): Iterable<PlanEntry> {
    const all = this.#plan.entries();
    return this.#isRefused === null && later.size === 0 ? all : this.#some(all, later);
  }

  *#some(entries: Iterable<PlanEntry>, later: ReadonlySet<string>): Generator<PlanEntry> {
    const isRefused = this.#isRefused ?? (() => false);
    for (const entry of entries) if (!isRefused(entry) && !later.has(entry.key)) yield entry;
  }

  /** Keys of what is so large that all else is to be in force before, and of which the kernel has nothing yet. */
  keysForLater(found: FoundElements): ReadonlySet<string> {
    if (this.#unread !== null) return noKeys;
    const some = keysForLater(this.#plan, this.entries(), () => false);
    if (some.size === 0 || found.isEmpty) return some;
    const there = new Set<string>();
    for (const placed of found) {
      const key = isShared(placed) ? undefined : entryOf(placed, this.#plan)?.key;
      if (key !== undefined) there.add(key);
    }
    return keysForLater(this.#plan, this.entries(), (key) => there.has(key));
  }

  /** What the chains are to be made for: what entries ask for, and what stays for objects that cannot be read. */
  chains(
    found: FoundElements,
    later: ReadonlySet<string> = noKeys,
  ): { readonly needs: UseCount<Need>; readonly variant: SkeletonVariant } {
    const all = this.#kept(found).flatMap(needsOfElement);
    for (const entry of this.entries(later)) for (const need of needsOf(entry)) all.push(need);
    const needs = needCount(all);
    let { egress, networks } = ruleSettingsOf(this.#plan);
    if (this.#unread !== null) networks = networksIn(this.#scopeElements(found, this.#unread));
    if (this.#unread !== null && isUnread(this.#unread, EGRESS_CHAINS_FROM)) {
      const standing = this.#standingEgress();
      egress = {
        interfaceFilter: egress.interfaceFilter ?? standing.interfaceFilter,
        hasAddress: egress.hasAddress || standing.hasAddress,
      };
    }
    return { needs, variant: { ...neededBy(needsIn(needs)), egress, networks } };
  }

  /** The elements of scopes that are to be there while objects are unread. */
  #scopeElements(found: FoundElements, unread: Unread): readonly PlacedElement[] {
    const planned = FAMILIES.flatMap((family) => elementsOf(program(scopeOf(this.#plan, family), undefined)));
    const standing = found.others.filter((placed) => rowOf(placed).entries[0] === 'FamilyScope');
    return whileUnread(planned, standing, this.#plan, unread);
  }

  /** What stays for unread objects; of EgressRules all that might. */
  #kept(found: FoundElements): readonly PlacedElement[] {
    const unread = this.#unread;
    if (unread === null) return [];
    const rules = found.others.filter(
      (placed) => rowOf(placed).unread === 'source' && isConcerned(placed, unread),
    );
    return [...unclaimedElements(this.#plan, [...found], unread), ...rules];
  }

  /**
   * What to write.
   *
   * @param actual what stands in the tables that are written to
   * @param before what stands in tables that are replaced
   */
  changes(
    actual: FoundElements,
    before: FoundElements = nothingFound,
    later: ReadonlySet<string> = noKeys,
  ): WholeChange {
    const slots = new SlotReader(actual);
    const programmed = new ProgrammedEntries();
    const extended = new Set<string>();
    const found = this.#unread === null ? [] : withGuards([...actual, ...before]);
    const standing = this.#unread === null ? null : new FoundEndpoints(found, this.#unread);
    for (const planned of this.entries(later)) {
      const entry = standing?.in(planned) ?? planned;
      if (entry !== planned) extended.add(entry.key);
      programmed.set(entry.key, slots.programmed(entry));
    }
    const shared = usesOf(programmed.values());
    // What stays for objects that cannot be read is one more user of what it shares with others.
    for (const placed of found) {
      if (isShared(placed) && isConcerned(placed, this.#unread)) shared.add(sharedName(placed));
    }
    return { changes: this.#difference(actual, found, programmed), programmed, extended, shared };
  }

  #difference(
    actual: FoundElements,
    found: readonly PlacedElement[],
    programmed: Pick<ProgrammedByKey, 'values'>,
  ): Difference<PlacedElement> | null {
    if (this.#unread === null && actual.isEmpty) return null;
    const beside = new BesideFound(actual);
    if (this.#unread === null) putDesired(programmed.values(), beside);
    else {
      const desired = desiredElements(programmed.values());
      for (const placed of whileUnread(desired, found, this.#plan, this.#unread)) beside.place(placed);
    }
    return beside.difference();
  }
}

const nothingFound = new FoundElements();

/** The difference of the whole plan and the kernel. */
export interface WholeChange {
  /** What to write; null: into an empty table, all of what is programmed. */
  readonly changes: Difference<PlacedElement> | null;
  /** What the kernel holds afterwards. */
  readonly programmed: ProgrammedByKey;
  /** Keys of frontends that have more endpoints in the kernel than in the plan, of unread objects. */
  readonly extended: ReadonlySet<string>;
  /** The elements that several entries may have, by how many of these have them. */
  readonly shared: UseCount<PlacedElement>;
}

/** The elements that are written; all of them as objects. */
export function elementChanges({
  changes,
  programmed,
}: Pick<WholeChange, 'changes' | 'programmed'>): Difference<PlacedElement> {
  return changes ?? { add: desiredElements(programmed.values()), remove: [] };
}

/** By the scope of IPv4: that of the other family, and what was made of both. Changes of scopes are rare. */
const knownSettings = new WeakMap<
  FamilyScope,
  { readonly other: FamilyScope; readonly settings: RuleSettings }
>();

/** The egress chains are the same in both families. */
export function ruleSettingsOf(plan: NatPlan): RuleSettings {
  const scope = scopeOf(plan, 'IPv4');
  const other = scopeOf(plan, 'IPv6');
  const known = knownSettings.get(scope);
  if (known?.other === other) return known.settings;
  const egress = {
    interfaceFilter: scope.egress.interfaceFilter,
    hasAddress: scope.egress.address !== null || other.egress.address !== null,
  };
  const settings = { egress, networks: networksOf(plan) };
  knownSettings.set(scope, { other, settings });
  return settings;
}

/** All elements of a table with these entries, each once. */
function desiredElements(programmed: Iterable<Programmed>): PlacedElement[] {
  const placed = new PlacedElements();
  putDesired(programmed, placed);
  return placed.all;
}

/** The same into what takes them. */
export function putDesired(programmed: Iterable<Programmed>, out: Elements): void {
  for (const family of FAMILIES) putConstants(family, out);
  const once = new CountingShared(out);
  for (const each of programmed) putElements(each, once);
}

function usesOf(programmed: Iterable<Programmed>): UseCount<PlacedElement> {
  const counting = new CountingShared(null);
  for (const each of programmed) putElements(each, counting, 'all but slots');
  return counting.uses;
}
