import { addressFromBytes } from '../../net/address.ts';
import { parsePort } from '../../net/port.ts';
import type { Endpoint, PlanEntry } from '../../plan/entry.ts';
import { type PlacedElement, type Programmed, slotKey, tupleBytes } from './element.ts';
import { latin1 } from './identity.ts';
import { endpointMap, LOCAL_VIEW } from './pick-classes.ts';

/** Finds in elements that were read back which endpoint a frontend has in which slot. */
export class SlotReader {
  /** `map key` → value bytes. */
  readonly #values = new Map<string, Uint8Array>();

  constructor(elements: readonly PlacedElement[]) {
    for (const { set, element } of elements) {
      if (element.data !== undefined && set.startsWith('endpoints_')) {
        this.#values.set(`${set} ${latin1(element.key)}`, element.data);
      }
    }
  }

  /** The slots of both views of the entry; undefined for what has no slots, or when nothing was read. */
  of(entry: PlanEntry): Pick<Programmed, 'slots' | 'localSlots'> | undefined {
    if (entry.kind !== 'ServiceFrontend' || this.#values.size === 0) return undefined;
    const key = tupleBytes(entry.tuple);
    return {
      slots: this.#view(key, 0, entry.endpoints.length),
      localSlots: this.#view(key, LOCAL_VIEW, entry.localEndpoints?.length ?? 0),
    };
  }

  /** The slots in the map of this number of endpoints, up to the first empty one. */
  #view(key: Uint8Array, base: number, count: number): Endpoint[] {
    const slots: Endpoint[] = [];
    if (count === 0) return slots;
    const map = endpointMap(count);
    for (let slot = 0; slot < count; slot++) {
      const value = this.#values.get(`${map} ${latin1(slotKey(key, base + slot))}`);
      const endpoint = value === undefined ? null : endpointFromBytes(value);
      if (endpoint === null) break;
      slots.push(endpoint);
    }
    return slots;
  }
}

function endpointFromBytes(bytes: Uint8Array): Endpoint | null {
  const length = bytes.length - 4;
  if (length !== 4 && length !== 16) return null;
  const port = parsePort(((bytes[length] ?? 0) << 8) | (bytes[length + 1] ?? 0));
  return port === null ? null : { address: addressFromBytes(bytes.subarray(0, length)), port };
}
