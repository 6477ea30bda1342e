import { addressFromNumber, type IpAddress } from '../net/address.ts';
import { addressBits, type Family } from '../net/family.ts';
import type { PortSpan } from '../net/port.ts';
import { type AddressRange, type AddressSet, unionOf } from '../net/ranges.ts';
import type { Both } from './sides.ts';

/** On which sides of the comparison something holds: bits. */
export const BEFORE = 1;
export const AFTER = 2;
export const ALIKE = 3;

/** Addresses with the same labels on the same sides. */
export interface Part {
  readonly addresses: AddressSet;
  readonly representative: IpAddress;
  /** Each label that holds on a side, with its sides. */
  readonly labels: ReadonlyMap<string, number>;
}

/** Labels of ranges of addresses, and the partition that follows from them. */
export class Labels {
  readonly #family: Family;
  readonly #ids = new Map<string, number>();
  readonly #names: string[] = [];
  /** Where a label begins (positive) or ends (negative): id × 4 + sides, plus one. */
  readonly #events = new Map<bigint, number[]>();

  constructor(family: Family) {
    this.#family = family;
  }

  add(label: string, sides: number, ranges: Iterable<AddressRange>): void {
    let id = this.#ids.get(label);
    if (id === undefined) {
      id = this.#names.push(label) - 1;
      this.#ids.set(label, id);
    }
    const event = id * 4 + sides + 1;
    for (const { first, last } of ranges) {
      this.#at(first).push(event);
      this.#at(last + 1n).push(-event);
    }
  }

  addBoth(label: string, ranges: Both<Iterable<AddressRange>>): void {
    if (ranges.before === ranges.after) this.add(label, ALIKE, ranges.before);
    else {
      this.add(label, BEFORE, ranges.before);
      this.add(label, AFTER, ranges.after);
    }
  }

  /** The parts with at least one label. */
  parts(): Part[] {
    const cuts = [...this.#events].sort(([a], [b]) => (a < b ? -1 : 1));
    const active = new Map<number, number>();
    const found = new Map<string, { readonly ranges: AddressRange[]; readonly events: readonly number[] }>();
    for (const [index, [first, events]] of cuts.entries()) {
      for (const event of events) {
        const of = Math.abs(event);
        const count = (active.get(of) ?? 0) + Math.sign(event);
        if (count === 0) active.delete(of);
        else active.set(of, count);
      }
      if (active.size === 0) continue;
      const range = { first, last: (cuts[index + 1]?.[0] ?? this.#end()) - 1n };
      const held = [...active.keys()].sort((a, b) => a - b);
      const key = held.join(' ');
      const part = found.get(key);
      if (part === undefined) found.set(key, { ranges: [range], events: held });
      else part.ranges.push(range);
    }
    return [...found.values()].map(({ ranges, events }) => {
      const labels = new Map<string, number>();
      for (const event of events) {
        const name = this.#names[(event - 1) >> 2] as string;
        labels.set(name, (labels.get(name) ?? 0) | ((event - 1) & ALIKE));
      }
      const representative = addressFromNumber(this.#family, (ranges[0] as AddressRange).first);
      return { addresses: unionOf(this.#family, ranges), representative, labels };
    });
  }

  #at(address: bigint): number[] {
    const known = this.#events.get(address);
    if (known !== undefined) return known;
    const events: number[] = [];
    this.#events.set(address, events);
    return events;
  }

  #end(): bigint {
    return 1n << BigInt(addressBits[this.#family]);
  }
}

export const EVERY_PORT: readonly PortSpan[] = Object.freeze([{ first: 1, last: 65535 }]);

/** All addresses of the family. */
export function everyAddress(family: Family): AddressRange[] {
  return [{ first: 0n, last: (1n << BigInt(addressBits[family])) - 1n }];
}

export function singleAddress(number: bigint): AddressRange {
  return { first: number, last: number };
}
