import { familyOf } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import type { Endpoint, PlanEntry, ServiceFrontend } from '../../plan/entry.ts';
import { latin1 } from '../../wire/bytes.ts';
import type { ElementRecords } from '../../wire/nftables/records.ts';
import { endpointIds, LOCAL_ID } from './affinity.ts';
import { fieldsOf, pack, unpack } from './fields.ts';
import type { FoundElements } from './found-elements.ts';
import { endpointMap, idMap, LOCAL_VIEW } from './pick-classes.ts';
import { type SetRow, setsOf } from './sets.ts';
import { filled, NOBODY, type Programmed, program, type SlotOrder, slotCount } from './slots.ts';

/** Finds in elements that were read back which endpoint a frontend has in which slot. */
export class SlotReader {
  readonly #found: FoundElements;
  readonly #element = new SlotBytes();

  constructor(found: FoundElements) {
    this.#found = found;
  }

  /** The entry with its endpoints in slots, as near to what was read as possible. */
  programmed(entry: PlanEntry): Programmed {
    if (entry.kind !== 'ServiceFrontend') return program(entry, undefined);
    return {
      entry,
      order: this.#order(entry, entry.endpoints, false),
      localOrder: this.#order(entry, entry.localEndpoints ?? [], true),
    };
  }

  #order(entry: ServiceFrontend, endpoints: readonly Endpoint[], local: boolean): SlotOrder {
    const count = slotCount({ endpoints });
    if (count === 0) return null;
    const hasAffinity = entry.affinityTimeoutSeconds !== null;
    const map = hasAffinity ? idMap(count) : endpointMap(count, entry.localEndpoints !== null);
    const row: SetRow = setsOf(familyOf(entry.tuple.address))[map];
    const records = this.#found.records.get(row);
    if (records === undefined || records.count === 0) return null;
    const element = this.#element;
    element.begin(row, entry, endpoints, local);
    for (let slot = 0; slot < count; slot++) {
      element.pack(slot, slot);
      const record = records.find(element.bytes, 0);
      if (record < 0 || !records.hasValue(record, element.bytes, row.width)) {
        return otherOrder(records, element, count);
      }
    }
    return null; // each endpoint lies in the slot of its index
  }
}

/** An endpoint has one slot; slots behind the first empty one are not looked at. */
function otherOrder(records: ElementRecords, element: SlotBytes, count: number): SlotOrder {
  const places = new Map<string, number>();
  const found: number[] = [];
  for (let slot = 0; slot < count; slot++) {
    element.pack(slot, slot);
    places.set(latin1(element.value), slot);
    if (found.length === slot) {
      const record = records.find(element.bytes, 0);
      if (record >= 0) found.push(record);
    }
  }
  return filled(count, (slot) => {
    const record = found[slot];
    const name = record === undefined ? '' : latin1(records.valueOf(record));
    const index = places.get(name) ?? NOBODY;
    places.delete(name);
    return index;
  });
}

/** The most bytes that key and value of a slot have. */
const LARGEST = 64;

/** The bytes of an element of a slot, made again for each in the same place. */
class SlotBytes {
  readonly bytes = new Uint8Array(LARGEST);
  #row: SetRow | null = null;
  #endpoints: readonly Endpoint[] = [];
  #ids: readonly number[] | null = null;
  #local = false;

  /** The next slots are of this view; the row is that of its map. */
  begin(row: SetRow, entry: ServiceFrontend, endpoints: readonly Endpoint[], local: boolean): void {
    const { address, protocol, port } = entry.tuple;
    this.#row = row;
    this.#endpoints = endpoints;
    this.#ids = entry.affinityTimeoutSeconds === null ? null : endpointIds(endpoints);
    this.#local = local;
    pack(fieldsOf(row.family).frontend, [address, protocol, port], this.bytes);
  }

  get value(): Uint8Array {
    const { width = 0, valueWidth = 0 } = this.#row ?? {};
    return this.bytes.subarray(width, width + valueWidth);
  }

  /** This slot, with the endpoint of this index. */
  pack(slot: number, index: number): void {
    if (this.#row === null) return;
    const { fields, values, width } = this.#row;
    const { slot: field } = fieldsOf(this.#row.family);
    // A map of frontends with one endpoint has no slots.
    if (fields.at(-1) === field) {
      field.write(this.bytes, width - field.width, slot + (this.#local ? LOCAL_VIEW : 0));
    }
    const { address, port } = this.#endpoints[index] as Endpoint;
    const id = this.#ids?.[index];
    const value = id === undefined ? [address, port] : [id + (this.#local ? LOCAL_ID : 0)];
    pack(values, value, this.bytes, width);
  }
}

/** Address and port, as `dnat` takes them from a map; null for what is none. */
export function endpointIn(family: Family, value: Uint8Array): Endpoint | null {
  const found = unpack(fieldsOf(family).endpoint, value);
  return found === null ? null : { address: found[0], port: found[1] };
}
