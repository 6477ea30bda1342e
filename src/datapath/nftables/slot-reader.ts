import { familyOf } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import type { Endpoint, PlanEntry, ServiceFrontend } from '../../plan/entry.ts';
import { latin1 } from '../../wire/bytes.ts';
import type { SetElement } from '../../wire/nftables/element.ts';
import { endpointIds, LOCAL_ID } from './affinity.ts';
import { type PlacedElement, place, rowOf } from './element.ts';
import { fieldsOf, unpack } from './fields.ts';
import { endpointMap, idMap, LOCAL_VIEW } from './pick-classes.ts';
import { filled, NOBODY, type Programmed, program, type SlotOrder, slotCount } from './slots.ts';

/** Finds in elements that were read back which endpoint a frontend has in which slot. */
export class SlotReader {
  /** `map key` → value bytes. */
  readonly #values = new Map<string, Uint8Array>();

  constructor(elements: readonly PlacedElement[]) {
    for (const placed of elements) {
      const { family, set, element } = placed;
      if (element.data === undefined) continue;
      if (set !== 'endpoints_single' && rowOf(placed).fields.at(-1) !== fieldsOf(family).slot) continue;
      this.#values.set(`${set} ${latin1(element.key)}`, element.data);
    }
  }

  /** The entry with its endpoints in slots, as near to what was read as possible. */
  programmed(entry: PlanEntry): Programmed {
    if (entry.kind !== 'ServiceFrontend' || this.#values.size === 0) return program(entry, undefined);
    return {
      entry,
      order: this.#order(entry, entry.endpoints, false),
      localOrder: this.#order(entry, entry.localEndpoints ?? [], true),
    };
  }

  #order(entry: ServiceFrontend, endpoints: readonly Endpoint[], local: boolean): SlotOrder {
    const count = slotCount({ endpoints });
    const found = this.#indexes(entry, endpoints, local);
    return filled(count, (slot) => found[slot] ?? NOBODY);
  }

  /** Of each slot of the view up to the first empty one, the index of its endpoint. An endpoint has one slot. */
  #indexes(
    { tuple: { address, protocol, port }, localEndpoints, affinityTimeoutSeconds }: ServiceFrontend,
    endpoints: readonly Endpoint[],
    local: boolean,
  ): number[] {
    const family = familyOf(address);
    const count = slotCount({ endpoints });
    const first = local ? LOCAL_VIEW : 0;
    const ids = affinityTimeoutSeconds === null ? null : endpointIds(endpoints);
    const plain = endpointMap(count, localEndpoints !== null);
    const map = ids === null ? plain : idMap(count);
    const inSlotOf = (index: number, slot: number): SetElement => {
      const key = [address, protocol, port, first + slot] as const;
      if (ids !== null) {
        const id = (ids[index] as number) + (local ? LOCAL_ID : 0);
        return place(family, idMap(count), { key, data: [id] }).element;
      }
      const endpoint = endpoints[index] as Endpoint;
      const data = [endpoint.address, endpoint.port] as const;
      if (plain === 'endpoints_single') {
        return place(family, plain, { key: [address, protocol, port], data }).element;
      }
      return place(family, plain, { key, data }).element;
    };
    const elements = Array.from({ length: count }, (_, index) => inSlotOf(index, index));
    const places = new Map(elements.map(({ data = none }, index) => [latin1(data), index]));
    const indexes: number[] = [];
    for (const { key } of elements) {
      const value = this.#values.get(`${map} ${latin1(key)}`);
      if (value === undefined) break;
      const name = latin1(value);
      indexes.push(places.get(name) ?? NOBODY);
      places.delete(name);
    }
    return indexes;
  }
}

const none = new Uint8Array();

/** Address and port, as `dnat` takes them from a map; null for what is none. */
export function endpointIn(family: Family, value: Uint8Array): Endpoint | null {
  const found = unpack(fieldsOf(family).endpoint, value);
  return found === null ? null : { address: found[0], port: found[1] };
}
