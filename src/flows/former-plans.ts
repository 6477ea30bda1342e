import { holdsAddress } from '../plan/egress-source-index.ts';
import type { EgressSource, PlanEntry, Tuple } from '../plan/entry.ts';
import { isEgressSourceKey, podSourcePortKey, tupleKey } from '../plan/entry-key.ts';
import type { NatPlan, TranslatingPlan } from '../plan/nat-plan.ts';
import { hasPort, isPortClaim, isRange, laneName, laneOf, type PortClaim } from '../plan/port-claims.ts';

type Entries = TranslatingPlan;

/** The plan before a change. */
export interface FormerPlan extends Entries {
  /** True when the change touched one of these keys, or anything not tied to one object (pools, rules). */
  concerns(keys: readonly string[]): boolean;
}

/** Most changes, and most entries in all of them; the oldest are dropped first. */
const CHANGES = 256;
const ENTRIES = 20_000;

/**
 * Remembers the parts of former plans that decide how lasting flows are translated (bindings, sources, pools, not
 * Services). They tell whether a flow's address came from a removed pool or from another program.
 */
export class FormerPlans {
  readonly #changes: Map<string, PlanEntry | null>[] = [];
  readonly #present = new Map<string, PlanEntry>();
  #remembered = 0;
  #started = false;

  /**
   * Call it when a plan is in force. Returns true when a remembered part changed.
   * @param changed keys that may have changed since the last call; null: unknown
   */
  record(plan: Pick<NatPlan, 'entry' | 'entries'>, changed: ReadonlySet<string> | null): boolean {
    const former = new Map<string, PlanEntry | null>();
    if (changed === null || !this.#started) {
      const gone = new Set(this.#present.keys());
      for (const entry of plan.entries()) {
        gone.delete(entry.key);
        this.#take(entry.key, entry, former);
      }
      for (const key of gone) this.#take(key, undefined, former);
    } else {
      for (const key of changed) this.#take(key, plan.entry(key), former);
    }
    const isFirst = !this.#started;
    this.#started = true;
    if (isFirst || former.size === 0) return false;
    this.#changes.push(former);
    this.#remembered += former.size;
    while (this.#changes.length > CHANGES || (this.#remembered > ENTRIES && this.#changes.length > 1)) {
      this.#remembered -= this.#changes.shift()?.size ?? 0;
    }
    return true;
  }

  /** The former plans, latest first. Everything not recorded as changed is answered by `current`. */
  before(current: Entries): FormerPlan[] {
    const changes = [...this.#changes];
    const sources = changes.map(egressSourcesOf);
    const ranges = changes.map(portsOf);
    return changes
      .map((change, index): FormerPlan => {
        return {
          entry: (key) => {
            for (let at = index; at < changes.length; at++) {
              const former = changes[at]?.get(key);
              if (former !== undefined) return former ?? undefined;
            }
            return current.entry(key);
          },
          entryAt: (tuple) => {
            const former = formerAt(changes, ranges, index, 'to', tuple);
            return former === undefined ? current.entryAt(tuple) : (former ?? undefined);
          },
          sourceAt: (tuple) => {
            const former = formerAt(changes, ranges, index, 'from', tuple);
            if (former === undefined) return current.sourceAt(tuple);
            return former?.kind === 'PodSourcePort' ? former : undefined;
          },
          egressSource: (address) => {
            for (let at = index; at < changes.length; at++) {
              const former = sources[at]?.find((source) => holdsAddress(source, address));
              if (former !== undefined) return former;
            }
            const now = current.egressSource(address);
            const isNew = now !== undefined && changes.some((later, at) => at >= index && later.has(now.key));
            return isNew ? undefined : now;
          },
          concerns: (keys) =>
            hasShared(change) || ranges[index]?.some(isRange) === true || keys.some((key) => change.has(key)),
        };
      })
      .reverse();
  }

  /** Records the former entry of the key. */
  #take(key: string, entry: PlanEntry | undefined, former: Map<string, PlanEntry | null>): void {
    const before = this.#present.get(key);
    const after = entry !== undefined && lasts(entry) ? entry : undefined;
    if (before === after) return;
    former.set(key, before ?? null);
    if (after === undefined) this.#present.delete(key);
    else this.#present.set(key, after);
  }
}

/** The former bindings of a change and their source ports. */
function portsOf(change: ReadonlyMap<string, PlanEntry | null>): PortClaim[] {
  return [...change.values()].filter((entry) => entry !== null && isPortClaim(entry)) as PortClaim[];
}

/** The port's owner before the change of this index; null: none; undefined: the present owner. */
function formerAt(
  changes: readonly ReadonlyMap<string, PlanEntry | null>[],
  ranges: readonly (readonly PortClaim[])[],
  index: number,
  way: 'to' | 'from',
  tuple: Tuple,
): PlanEntry | null | undefined {
  const lane = laneName(way, tuple);
  const key = way === 'to' ? tupleKey(tuple) : podSourcePortKey(tuple, 1);
  for (let at = index; at < changes.length; at++) {
    const former = ranges[at]?.find((claim) => laneOf(claim) === lane && hasPort(claim, tuple.port));
    if (former !== undefined) return former;
    const exact = changes[at]?.get(key);
    if (exact !== undefined) return exact;
  }
  return undefined;
}

function egressSourcesOf(change: ReadonlyMap<string, PlanEntry | null>): EgressSource[] {
  return [...change.values()].filter((entry) => entry?.kind === 'EgressSource');
}

/** False for Services, whose established flows are decided elsewhere: docs/adr/0004. */
function lasts({ kind }: PlanEntry): boolean {
  return kind !== 'ServiceFrontend' && kind !== 'ClusterAddress';
}

const OF_ONE_POD: readonly PlanEntry['kind'][] = [
  'PodBinding',
  'PodReservation',
  'PodSource',
  'PodSourcePort',
];

function hasShared(change: ReadonlyMap<string, PlanEntry | null>): boolean {
  for (const [key, entry] of change) {
    if (isEgressSourceKey(key)) return true;
    if (entry !== null && !OF_ONE_POD.includes(entry.kind)) return true;
  }
  return false;
}
