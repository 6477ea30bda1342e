import { familyOf } from '../../net/address.ts';
import { protocolNumber } from '../../net/protocol.ts';
import type { Tuple } from '../../plan/entry.ts';
import { parseTupleKey } from '../../plan/entry.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import { ConntrackConnection } from '../../wire/conntrack/connection.ts';
import type { ConntrackEntry } from '../../wire/conntrack/entry.ts';
import type { FlowFilter } from '../../wire/conntrack/filter.ts';
import { isStale } from './stale-flows.ts';

/** Up to so many changed frontends are asked for one by one; more by one reading of all UDP entries. */
const ONE_BY_ONE = 32;

/** Deletes the conntrack entries that a change of the plan made stale. */
export class StaleFlowCleaner {
  readonly #connection = ConntrackConnection.open();

  /**
   * Call it when the plan is in force in the kernel.
   *
   * @param changed the keys that changed since the last call; null: not known, all frontends of the plan are looked at
   * @returns how many entries were deleted
   */
  clean(plan: Pick<NatPlan, 'entry'>, changed: ReadonlySet<string> | null): number {
    const tuples = changed === null ? null : udpTuples(changed);
    if (tuples?.length === 0) return 0;
    const gone = new Set([...(changed ?? [])].filter((key) => plan.entry(key) === undefined));
    const stale: ConntrackEntry[] = [];
    for (const filter of filtersFor(tuples)) {
      this.#connection.forEach(filter, (entry) => {
        if (isStale(plan, entry, gone)) stale.push(entry);
      });
    }
    return stale.filter((entry) => this.#connection.delete(entry)).length;
  }

  close(): void {
    this.#connection.close();
  }
}

function udpTuples(keys: Iterable<string>): Tuple[] {
  return [...keys].map(parseTupleKey).filter((tuple): tuple is Tuple => tuple?.protocol === 'UDP');
}

function filtersFor(tuples: readonly Tuple[] | null): FlowFilter[] {
  const protocol = protocolNumber.UDP;
  if (tuples === null || tuples.length > ONE_BY_ONE) return [{ protocol }];
  return tuples.map(({ address, port }) => {
    return { family: familyOf(address), protocol, original: { dst: address, dport: port } };
  });
}
