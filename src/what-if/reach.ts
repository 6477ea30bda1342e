import { firstReached } from '../base/collect.ts';
import { addressNumber, familyOf, type IpAddress } from '../net/address.ts';
import { type AddressRange, type AddressSet, differenceOf, intersectionOf, unionOf } from '../net/ranges.ts';
import type { Endpoint } from '../plan/entry.ts';
import type { DialledEntry, DialledPorts } from './dialled.ts';
import { singleAddress } from './partition.ts';
import { SIDES } from './sides.ts';
import type { SourceKind } from './sources.ts';

/** Sources of one kind that a Service or binding treats alike. */
export interface Reacher {
  readonly kind: SourceKind;
  readonly addresses: AddressSet;
}

/** Splits kinds of sources where a Service or binding looks at the source itself. */
export class Reachers {
  readonly #kinds: readonly SourceKind[];
  /** By address. */
  readonly #placed: readonly { readonly range: AddressRange; readonly kind: SourceKind }[];

  constructor(kinds: readonly SourceKind[]) {
    this.#kinds = kinds;
    this.#placed = kinds
      .flatMap((kind) => kind.addresses.ranges.map((range) => ({ range, kind })))
      .sort((a, b) => (a.range.first < b.range.first ? -1 : 1));
  }

  /** Endpoints reach themselves in their own way, and allowed ranges tell sources apart. */
  of(ports: DialledPorts, kinds: readonly SourceKind[] = this.#kinds): Reacher[] {
    const family = familyOf(ports.address);
    const alone = new Map<SourceKind, AddressRange[]>();
    for (const address of endpointAddresses(ports)) {
      if (familyOf(address) !== family) continue;
      const number = addressNumber(address);
      const kind = this.#kindAt(number);
      const range = singleAddress(number);
      const known = alone.get(kind);
      if (known === undefined) alone.set(kind, [range]);
      else known.push(range);
    }
    const allowed = SIDES.flatMap((side) => ports.entry[side]?.sourceRanges ?? []);
    return kinds.flatMap((kind) => {
      const singles = alone.get(kind) ?? [];
      const rest =
        singles.length === 0 ? kind.addresses : differenceOf(kind.addresses, unionOf(family, singles));
      const parts = [rest, ...singles.map((range): AddressSet => ({ family, ranges: [range] }))];
      return parts.flatMap((part) => splitBy(allowed, part)).map((addresses) => ({ kind, addresses }));
    });
  }

  #kindAt(number: bigint): SourceKind {
    const found = this.#placed[firstReached(this.#placed, ({ range }) => range.last >= number)];
    if (found === undefined) throw new RangeError('the kinds of sources hold every address');
    return found.kind;
  }
}

function splitBy(sets: readonly AddressSet[], part: AddressSet): AddressSet[] {
  let parts = [part];
  for (const set of new Set(sets)) {
    parts = parts.flatMap((each) => [intersectionOf(each, set), differenceOf(each, set)]);
  }
  return parts.filter(({ ranges }) => ranges.length > 0);
}

function endpointAddresses({ entry }: DialledPorts): ReadonlySet<IpAddress> {
  const both = SIDES.flatMap((side) => entry[side] ?? []);
  return new Set(both.flatMap((one) => endpointsOf(one).map(({ address }) => address)));
}

export function endpointsOf(entry: DialledEntry): readonly Endpoint[] {
  if (entry.kind === 'PodBinding') return [entry.endpoint];
  return entry.localEndpoints === null ? entry.endpoints : [...entry.endpoints, ...entry.localEndpoints];
}
