import { familyOf } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import type { Endpoint, PlanEntry, ServiceFrontend } from '../../plan/entry.ts';
import { latin1 } from '../../wire/bytes.ts';
import { endpointIds } from './affinity.ts';
import { type PlacedElement, place, rowOf } from './element.ts';
import { fieldsOf, unpack } from './fields.ts';
import { endpointMap, idMap, LOCAL_VIEW, MOST_ENDPOINTS } from './pick-classes.ts';

/**
 * What one entry of the plan is in the kernel: the entry, and which endpoint lies in which slot. The order of the
 * slots has no meaning to packets; it is kept so that a change writes the least.
 */
export interface Programmed {
  readonly entry: PlanEntry;
  readonly slots: readonly Endpoint[];
  readonly localSlots: readonly Endpoint[];
}

/** Who lay in which slot; null for somebody who is not known. */
export interface SlotsBefore {
  readonly slots: readonly (Endpoint | null)[];
  readonly localSlots: readonly (Endpoint | null)[];
}

const noSlots: readonly Endpoint[] = Object.freeze([]);
/**
 * Puts the wanted endpoints into slots 0 to n - 1, staying as close as it can to the slots before: who stays and
 * has a slot below n keeps it, newcomers and those from above n fill the holes.
 */
export function arrange(
  before: readonly (Endpoint | null)[],
  wanted: readonly Endpoint[],
): readonly Endpoint[] {
  if (wanted.length === 0) return noSlots;
  if (before.length === 0) return wanted;
  const open = new Map(wanted.map((endpoint) => [slotName(endpoint), endpoint]));
  const slots: (Endpoint | undefined)[] = [];
  for (let slot = 0; slot < wanted.length; slot++) {
    const endpoint = before[slot];
    const name = endpoint === undefined || endpoint === null ? '' : slotName(endpoint);
    slots.push(open.get(name));
    open.delete(name);
  }
  const rest = open.values();
  return slots.map((endpoint) => endpoint ?? (rest.next().value as Endpoint));
}

function slotName(endpoint: Endpoint): string {
  return `${endpoint.address} ${endpoint.port}`;
}

/** The entry with its endpoints in slots, as near to `before` as possible. */
export function program(entry: PlanEntry, before: SlotsBefore | undefined): Programmed {
  if (entry.kind !== 'ServiceFrontend') return { entry, slots: noSlots, localSlots: noSlots };
  return {
    entry,
    slots: arrange(before?.slots ?? noSlots, entry.endpoints.slice(0, MOST_ENDPOINTS)),
    localSlots: arrange(
      before?.localSlots ?? noSlots,
      (entry.localEndpoints ?? noSlots).slice(0, MOST_ENDPOINTS),
    ),
  };
}

/** Finds in elements that were read back which endpoint a frontend has in which slot. */
export class SlotReader {
  /** `map key` → value bytes. */
  readonly #values = new Map<string, Uint8Array>();

  constructor(elements: readonly PlacedElement[]) {
    for (const placed of elements) {
      const { family, set, element } = placed;
      if (element.data === undefined || rowOf(placed).fields.at(-1) !== fieldsOf(family).slot) continue;
      this.#values.set(`${set} ${latin1(element.key)}`, element.data);
    }
  }

  /** The slots of both views of the entry; undefined for what has no slots, or when nothing was read. */
  of(entry: PlanEntry): SlotsBefore | undefined {
    if (entry.kind !== 'ServiceFrontend' || this.#values.size === 0) return undefined;
    return {
      slots: this.#view(entry, entry.endpoints, false),
      localSlots: this.#view(entry, entry.localEndpoints ?? [], true),
    };
  }

  /** The slots that the view has in its map, up to the first empty one. */
  #view(
    { tuple: { address, protocol, port }, affinityTimeoutSeconds }: ServiceFrontend,
    endpoints: readonly Endpoint[],
    local: boolean,
  ): (Endpoint | null)[] {
    const family = familyOf(address);
    const isPlain = affinityTimeoutSeconds === null;
    const map = (isPlain ? endpointMap : idMap)(endpoints.length);
    const byId = isPlain ? null : new Map([...endpointIds(endpoints, local)].map(([each, id]) => [id, each]));
    const slots: (Endpoint | null)[] = [];
    for (let slot = local ? LOCAL_VIEW : 0; slots.length < endpoints.length; slot++) {
      const { element } = place(family, map, { key: [address, protocol, port, slot] });
      const value = this.#values.get(`${map} ${latin1(element.key)}`);
      if (value === undefined) break;
      slots.push(
        byId === null
          ? endpointIn(family, value)
          : (byId.get(fieldsOf(family).id.read(value, 0) ?? 0) ?? null),
      );
    }
    return slots;
  }
}

/** Address and port, as `dnat` takes them from a map; null for what is none. */
export function endpointIn(family: Family, value: Uint8Array): Endpoint | null {
  const found = unpack(fieldsOf(family).endpoint, value);
  return found === null ? null : { address: found[0], port: found[1] };
}
