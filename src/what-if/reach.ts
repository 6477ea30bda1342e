import { addTo } from '../base/collect.ts';
import { addressNumber } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { type AddressRange, type AddressSet, differenceOf, intersectionOf, unionOf } from '../net/ranges.ts';
import type { DialledPorts } from './dialled.ts';
import { singleAddress } from './partition.ts';
import type { PlacedEndpoint } from './shape.ts';
import { SIDES } from './sides.ts';
import type { SourceKind } from './sources.ts';

/** Sources of one kind that a Service or binding treats alike. */
export interface Reacher {
  readonly kind: SourceKind;
  readonly addresses: AddressSet;
  /** The endpoints that these sources are, by their places; null: they are all of `around` that is no endpoint. */
  readonly endpoints: readonly number[] | null;
  readonly around: AddressSet;
}

/**
 * Endpoints reach themselves in their own way, and allowed ranges tell sources apart. Endpoints in one group reach
 * themselves at the same ports, and every rule treats them alike as destinations; so what is left for the other endpoints
 * is alike too, and one packet stands for all of them.
 *
 * @param kinds all kinds of sources; @param asked those whose sources are wanted
 */
export function reachersOf(
  { entry }: DialledPorts,
  endpoints: readonly PlacedEndpoint[],
  kinds: readonly SourceKind[],
  asked: readonly SourceKind[],
): Reacher[] {
  const allowed = SIDES.flatMap((side) => entry[side]?.sourceRanges ?? []);
  return asked.flatMap((kind): Reacher[] => {
    const { family } = kind.addresses;
    const own = endpointSet(family, endpoints);
    const rest = splitBy(allowed, kind.addresses).flatMap((around): Reacher[] => {
      const addresses = differenceOf(around, own);
      return addresses.ranges.length === 0 ? [] : [{ kind, addresses, endpoints: null, around }];
    });
    const groups = new Map<string, number[]>();
    for (const [place, { source, group }] of endpoints.entries()) {
      if (source !== null && kinds[source] === kind) addTo(groups, group, place);
    }
    const alone = [...groups.values()].map((places): Reacher => {
      const addresses = endpointSet(family, endpoints, places);
      return { kind, addresses, endpoints: places, around: addresses };
    });
    return [...rest, ...alone];
  });
}

/** Endpoints as sources; those of the other family are none. */
export function endpointSet(
  family: Family,
  endpoints: readonly PlacedEndpoint[],
  places: Iterable<number> = endpoints.keys(),
): AddressSet {
  const ranges: AddressRange[] = [];
  for (const place of places) {
    const { address, source } = endpoints[place] as PlacedEndpoint;
    if (source !== null) ranges.push(singleAddress(addressNumber(address)));
  }
  return unionOf(family, ranges);
}

function splitBy(sets: readonly AddressSet[], part: AddressSet): AddressSet[] {
  let parts = [part];
  for (const set of new Set(sets)) {
    parts = parts.flatMap((each) => [intersectionOf(each, set), differenceOf(each, set)]);
  }
  return parts.filter(({ ranges }) => ranges.length > 0);
}
