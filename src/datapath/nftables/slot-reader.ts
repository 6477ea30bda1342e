import { addressFromBytes } from '../../net/address.ts';
import { parsePort } from '../../net/port.ts';
import type { Endpoint, PlanEntry } from '../../plan/entry.ts';
import { endpointIds } from './affinity.ts';
import { idMap, type PlacedElement, type SlotsBefore, slotKey, tupleBytes } from './element.ts';
import { latin1 } from './identity.ts';
import { endpointMap, LOCAL_VIEW } from './pick-classes.ts';

/** Finds in elements that were read back which endpoint a frontend has in which slot. */
export class SlotReader {
  /** `map key` → value bytes. */
  readonly #values = new Map<string, Uint8Array>();

  constructor(elements: readonly PlacedElement[]) {
    for (const { set, element } of elements) {
      if (element.data !== undefined && /^(endpoints|affinity_ids)_/.test(set)) {
        this.#values.set(`${set} ${latin1(element.key)}`, element.data);
      }
    }
  }

  /** The slots of both views of the entry; undefined for what has no slots, or when nothing was read. */
  of(entry: PlanEntry): SlotsBefore | undefined {
    if (entry.kind !== 'ServiceFrontend' || this.#values.size === 0) return undefined;
    const key = tupleBytes(entry.tuple);
    const view = (endpoints: readonly Endpoint[], local: boolean) => {
      const base = local ? LOCAL_VIEW : 0;
      if (entry.affinityTimeoutSeconds === null) {
        return this.#view(key, base, endpointMap(endpoints.length), endpoints.length, endpointFromBytes);
      }
      const byId = new Map([...endpointIds(endpoints, local)].map(([endpoint, id]) => [id, endpoint]));
      const read = (bytes: Uint8Array) => byId.get(hostNumber(bytes)) ?? null;
      return this.#view(key, base, idMap(endpoints.length), endpoints.length, read);
    };
    return { slots: view(entry.endpoints, false), localSlots: view(entry.localEndpoints ?? [], true) };
  }

  /** The slots in the map, up to the first empty one. */
  #view(
    key: Uint8Array,
    base: number,
    map: string,
    count: number,
    read: (bytes: Uint8Array) => Endpoint | null,
  ): (Endpoint | null)[] {
    const slots: (Endpoint | null)[] = [];
    for (let slot = 0; slot < count; slot++) {
      const value = this.#values.get(`${map} ${latin1(slotKey(key, base + slot))}`);
      if (value === undefined) break;
      slots.push(read(value));
    }
    return slots;
  }
}

/** A number of 32 bits in host byte order, as marks and slots are. */
export function hostNumber(bytes: Uint8Array): number {
  return new Uint32Array(Uint8Array.from(bytes).buffer)[0] ?? 0;
}

/** Address and port, as `dnat` takes them from a map; null for what is none. */
export function endpointFromBytes(bytes: Uint8Array): Endpoint | null {
  const length = bytes.length - 4;
  if (length !== 4 && length !== 16) return null;
  const port = parsePort(((bytes[length] ?? 0) << 8) | (bytes[length + 1] ?? 0));
  return port === null ? null : { address: addressFromBytes(bytes.subarray(0, length)), port };
}
