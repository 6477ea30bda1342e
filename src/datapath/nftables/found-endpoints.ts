import { compareAddresses } from '../../net/address.ts';
import type { Endpoint, PlanEntry, ServiceFrontend } from '../../plan/entry.ts';
import { tupleKey } from '../../plan/entry-key.ts';
import { host32 } from '../../wire/bytes.ts';
import { isUnread, type Unread } from '../datapath.ts';
import { LOCAL_ID } from './affinity.ts';
import { type PlacedElement, rowOf } from './element.ts';
import { fieldsOf } from './fields.ts';
import { LOCAL_VIEW } from './pick-classes.ts';
import { endpointIn } from './slot-reader.ts';
import { entryKeyOf } from './unclaimed.ts';

interface Standing {
  readonly cluster: Endpoint[];
  readonly local: Endpoint[];
  /** There are endpoints, and none that may be reached: dropped, not refused. */
  isDropped: boolean;
}

/**
 * Endpoints that stand in the kernel, for frontends whose EndpointSlices cannot be read since the start. Where such slices
 * are known, by their namespace: they stay beside what the plan has. Where it is not known what is unread: they stay where the plan
 * has none.
 */
export class FoundEndpoints {
  readonly #unread: Unread;
  /** By key of the frontend. */
  readonly #found = new Map<string, Standing>();

  constructor(found: readonly PlacedElement[], unread: Unread) {
    this.#unread = unread;
    if (!isUnread(unread, ['EndpointSlice'])) return;
    for (const placed of found) this.#take(placed);
  }

  /** The entry with what stays; the same one where nothing does. */
  in(entry: PlanEntry): PlanEntry {
    if (entry.kind !== 'ServiceFrontend') return entry;
    const found = this.#found.get(tupleKey(entry.tuple));
    if (found === undefined) return entry;
    const isKnown = this.#unread.sliceNamespaces.includes(entry.owner.namespace);
    const view = (planned: readonly Endpoint[], standing: readonly Endpoint[]) =>
      isKnown || (this.#unread.anything && planned.length === 0) ? joined(planned, standing) : planned;
    const endpoints = view(entry.endpoints, found.cluster);
    const localEndpoints = entry.localEndpoints === null ? null : view(entry.localEndpoints, found.local);
    const mayHaveMore = isKnown || (this.#unread.anything && entry.endpoints.length === 0);
    const unserved = mayHaveMore && found.isDropped ? 'drop' : entry.unserved;
    const isSame = endpoints === entry.endpoints && localEndpoints === entry.localEndpoints;
    if (isSame && unserved === entry.unserved) return entry;
    return { ...entry, endpoints, localEndpoints, unserved } satisfies ServiceFrontend;
  }

  #take(placed: PlacedElement): void {
    const { family, set, element } = placed;
    const { slot, id, endpoint } = fieldsOf(family);
    const { fields, values } = rowOf(placed);
    const last = fields.at(-1);
    const isSlot = last === slot;
    const isEndpoint = values === endpoint && (isSlot || last === id || set === 'endpoints_single');
    if (!isEndpoint && set !== 'no_local_endpoints') return;
    const key = entryKeyOf(placed);
    if (key === null) return;
    const standing = this.#found.get(key) ?? { cluster: [], local: [], isDropped: false };
    this.#found.set(key, standing);
    const found = element.data === undefined ? null : endpointIn(family, element.data);
    if (found === null) {
      standing.isDropped ||= set === 'no_local_endpoints';
      return;
    }
    const number = host32(element.key, element.key.length - 4);
    const isLocal = isSlot ? number >= LOCAL_VIEW : last === id && number >= LOCAL_ID;
    standing[isLocal ? 'local' : 'cluster'].push(found);
  }
}

/** The planned ones themselves where nothing is added. */
function joined(planned: readonly Endpoint[], standing: readonly Endpoint[]): readonly Endpoint[] {
  const all = new Map([...standing, ...planned].map((each) => [`${each.address} ${each.port}`, each]));
  if (all.size === planned.length) return planned;
  return [...all.values()].sort((a, b) => compareAddresses(a.address, b.address) || a.port - b.port);
}
