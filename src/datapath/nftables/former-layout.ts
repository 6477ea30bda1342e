/**
 * Endpoints as tables of versions before have them. What stays for objects that cannot be read is carried over into today's
 * maps (frontend-elements.ts), so that an upgrade loses no frontend.
 */
import type { Family } from '../../net/family.ts';
import type { Endpoint } from '../../plan/entry.ts';
import { hex, host32 } from '../../wire/bytes.ts';
import type { SetElement } from '../../wire/nftables/element.ts';
import { timeoutOfChain } from './affinity.ts';
import { elementComparison, type PlacedElement, PlacedElements } from './element.ts';
import { fieldsOf, unpack, widthOf } from './fields.ts';
import { putViews, type Views } from './frontend-elements.ts';
import { LOCAL_VIEW } from './pick-classes.ts';
import type { SetName } from './sets.ts';
import { endpointIn } from './slot-reader.ts';

/** Endpoints by slot, and the chain of a timeout: maps that are no more. */
export const FORMER_MAPS = [
  'endpoints_1',
  'endpoints_2',
  'endpoints_3',
  'endpoints_4',
  'affinity_timeouts',
] as const;

export interface FormerElement {
  readonly family: Family;
  readonly map: (typeof FORMER_MAPS)[number];
  readonly element: SetElement;
}

/** Maps of today that were filled otherwise then. */
const REFILLED: ReadonlySet<SetName> = new Set<SetName>([
  'endpoints_many',
  'affinity_ids_1',
  'affinity_ids_2',
  'affinity_ids_3',
  'affinity_ids_4',
  'affinity_ids_many',
  'affinity_many',
  'affinity_many_local',
  'affinity_endpoints',
]);

/** What is collected of one frontend. */
interface Collected {
  readonly family: Family;
  readonly tuple: Views['tuple'];
  /** By slot. */
  readonly endpoints: Map<number, Endpoint>;
  /** Ids by slot, and endpoints by id. */
  readonly ids: Map<number, number>;
  readonly byId: Map<number, Endpoint>;
  timeoutSeconds: number | null;
  isLocal: boolean;
}

/** The elements of a table of a version before, as they are placed now. */
export function carriedOver(
  found: readonly PlacedElement[],
  former: readonly FormerElement[],
): PlacedElement[] {
  const frontends = new Map<string, Collected>();
  const frontendOf = (family: Family, { key }: SetElement): Collected | null => {
    const bytes = key.subarray(0, widthOf(fieldsOf(family).frontend));
    const name = `${family} ${hex(bytes)}`;
    const known = frontends.get(name);
    if (known !== undefined) return known;
    const contents = unpack(fieldsOf(family).frontend, bytes);
    if (contents === null) return null;
    const maps = { endpoints: new Map(), ids: new Map(), byId: new Map() };
    const [address, protocol, port] = contents;
    const tuple = { address, protocol, port };
    const made: Collected = { family, tuple, ...maps, timeoutSeconds: null, isLocal: false };
    frontends.set(name, made);
    return made;
  };
  for (const { family, map, element } of former) {
    const frontend = frontendOf(family, element);
    if (frontend === null) continue;
    if (map === 'affinity_timeouts') {
      frontend.timeoutSeconds = timeoutOfChain(element.verdict?.chain ?? '');
    } else takeSlot(frontend, element);
  }
  for (const { family, set, element } of found) {
    if (!REFILLED.has(set) && set !== 'policy_local') continue;
    const frontend = frontendOf(family, element);
    if (frontend === null) continue;
    if (set === 'policy_local') frontend.isLocal = true;
    else if (set === 'endpoints_many') takeSlot(frontend, element);
    else if (set === 'affinity_endpoints') {
      const endpoint = element.data === undefined ? null : endpointIn(family, element.data);
      if (endpoint !== null) frontend.byId.set(lastNumber(element), endpoint);
    } else if (element.data !== undefined) {
      frontend.ids.set(lastNumber(element), host32(element.data, 0));
    }
  }
  const placed = new Map(
    found
      .filter(({ set }) => !REFILLED.has(set))
      .map((each) => [elementComparison.identity(each), each] as const),
  );
  const carried = new PlacedElements();
  for (const frontend of frontends.values()) putViews(viewsOf(frontend), carried);
  for (const each of carried.all) placed.set(elementComparison.identity(each), each);
  return [...placed.values()];
}

function takeSlot({ family, endpoints }: Collected, element: SetElement): void {
  const endpoint = element.data === undefined ? null : endpointIn(family, element.data);
  if (endpoint !== null) endpoints.set(lastNumber(element), endpoint);
}

/** The slot or id that ends the key. */
function lastNumber({ key }: SetElement): number {
  return host32(key, key.length - 4);
}

function viewsOf({ tuple, endpoints, ids, byId, timeoutSeconds, isLocal }: Collected): Views {
  for (const [slot, id] of ids) {
    const endpoint = byId.get(id);
    if (endpoint !== undefined) endpoints.set(slot, endpoint);
  }
  const inOrder = [...endpoints].sort(([a], [b]) => a - b);
  const view = (local: boolean) =>
    inOrder.filter(([slot]) => slot >= LOCAL_VIEW === local).map(([, endpoint]) => endpoint);
  const localEndpoints = isLocal ? view(true) : null;
  return { tuple, endpoints: view(false), localEndpoints, affinityTimeoutSeconds: timeoutSeconds };
}
