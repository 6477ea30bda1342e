import { addTo } from '../base/collect.ts';
import type { IpAddress } from '../net/address.ts';
import type { Conflict } from '../plan/claims.ts';
import { EgressSourceIndex } from '../plan/egress-source-index.ts';
import type { EgressSource, PlanEntry, PodSourcePort, Tuple } from '../plan/entry.ts';
import { podSourcePortKey, tupleKey } from '../plan/entry-key.ts';
import type { NatPlan, TranslatingPlan } from '../plan/nat-plan.ts';
import { hasPort, isPortClaim, isRange, laneName, laneOf, type RangeClaim } from '../plan/port-claims.ts';
import type { Both, ChangedEntry, SourceEntry } from './sides.ts';

const noConflicts: ReadonlyMap<string, Conflict> = new Map();

/**
 * One side of a comparison: a plan in which the changed keys have the entries of that side. Costs what changed, since
 * everything else is the plan's own. Conflicts are compared on their own (claims.ts).
 */
export class PlanView implements TranslatingPlan {
  readonly conflicts = noConflicts;
  readonly #plan: NatPlan;
  readonly #changed: ReadonlyMap<string, ChangedEntry>;
  readonly #side: keyof Both<unknown>;
  readonly #ranges = new Map<string, RangeClaim[]>();
  readonly #sources = new EgressSourceIndex();
  readonly #sourceEntries: readonly SourceEntry[];

  constructor(
    plan: NatPlan,
    changed: ReadonlyMap<string, ChangedEntry>,
    side: keyof Both<unknown>,
    sourceEntries: readonly SourceEntry[],
  ) {
    this.#plan = plan;
    this.#changed = changed;
    this.#side = side;
    this.#sourceEntries = sourceEntries;
    for (const { [side]: entry } of changed.values()) {
      if (entry !== undefined && isPortClaim(entry) && isRange(entry)) {
        addTo(this.#ranges, laneOf(entry), entry);
      }
    }
  }

  conflictsAt(): readonly Conflict[] {
    return [];
  }

  entry(key: string): PlanEntry | undefined {
    const changed = this.#changed.get(key);
    return changed === undefined ? this.#plan.entry(key) : changed[this.#side];
  }

  entryAt(tuple: Tuple): PlanEntry | undefined {
    return this.entry(tupleKey(tuple)) ?? this.#range('to', tuple, this.#plan.entryAt(tuple));
  }

  sourceAt(tuple: Tuple): PodSourcePort | undefined {
    const found =
      this.entry(podSourcePortKey(tuple, 1)) ?? this.#range('from', tuple, this.#plan.sourceAt(tuple));
    return found?.kind === 'PodSourcePort' ? found : undefined;
  }

  egressSource(address: IpAddress): EgressSource | undefined {
    return this.#sources.find(address, () => this.#sourceEntries);
  }

  /** The range that holds the port: one of those that changed, or the plan's if it did not change. */
  #range(way: 'to' | 'from', tuple: Tuple, found: PlanEntry | undefined): PlanEntry | undefined {
    const own = this.#ranges.get(laneName(way, tuple))?.find((range) => hasPort(range, tuple.port));
    return own ?? (found === undefined || this.#changed.has(found.key) ? undefined : found);
  }
}
