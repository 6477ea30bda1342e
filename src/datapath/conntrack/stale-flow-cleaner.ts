import { familyOf } from '../../net/address.ts';
import { protocolNumber } from '../../net/protocol.ts';
import { type DialledPorts, type PlanEntry, parsePortsKey } from '../../plan/entry.ts';
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
  clean(plan: Pick<NatPlan, 'entry' | 'entryAt'>, changed: ReadonlySet<string> | null): number {
    const tuples = changed === null ? null : udpPorts(changed);
    if (tuples?.length === 0) return 0;
    const gone = new Set([...(changed ?? [])].filter((key) => isGone(plan.entry(key))));
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

/** What is not Ready any more keeps its ports for what it sends, and gets nothing. */
function isGone(entry: PlanEntry | undefined): boolean {
  return entry === undefined || entry.kind === 'PodReservation';
}

function udpPorts(keys: Iterable<string>): DialledPorts[] {
  return [...keys]
    .map(parsePortsKey)
    .filter((ports) => ports !== null && ports.tuple.protocol === 'UDP') as DialledPorts[];
}

function filtersFor(tuples: readonly DialledPorts[] | null): FlowFilter[] {
  const protocol = protocolNumber.UDP;
  if (tuples === null || tuples.length > ONE_BY_ONE) return [{ protocol }];
  return tuples.map(({ tuple: { address, port }, portCount }) => {
    const original = portCount === 1 ? { dst: address, dport: port } : { dst: address };
    return { family: familyOf(address), protocol, original };
  });
}
