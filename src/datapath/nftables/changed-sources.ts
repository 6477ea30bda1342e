import type { Difference } from '../../delta/delta.ts';
import { addressFromBytes, addressNumber } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { type AddressRange, type AddressSet, unionOf } from '../../net/ranges.ts';
import type { SetElement } from '../../wire/nftables/element.ts';
import { addressLength, type PlacedElement } from './element.ts';
import type { SetName } from './sets.ts';

/** What decides about the source address of some sources: their address comes first in the key. */
const BY_SOURCE: readonly SetName[] = [
  'egress_sources',
  'egress_to',
  'egress_to_addresses',
  'egress_from',
  'egress_from_addresses',
  'pod_sources',
];
/** What decides about all of these sources at once. */
const FOR_ALL: readonly SetName[] = ['egress_exempt', 'egress_address', 'pod_nat_internal'];

/**
 * The sources about whose address other elements decide than before.
 *
 * @param changes what was added and removed
 * @param all what there was before
 */
export function changedSources(
  { add, remove }: Difference<PlacedElement>,
  all: readonly PlacedElement[],
): Record<Family, AddressSet> {
  const changed = [...add, ...remove];
  const sourcesOf = (family: Family): AddressSet => {
    const isForAll = changed.some((placed) => placed.family === family && FOR_ALL.includes(placed.set));
    const ranges: AddressRange[] = [];
    for (const { family: of, set, element } of isForAll ? [...changed, ...all] : changed) {
      if (of !== family || !BY_SOURCE.includes(set) || element.intervalEnd === true) continue;
      ranges.push(firstField(family, element));
    }
    return unionOf(family, ranges);
  };
  return { IPv4: sourcesOf('IPv4'), IPv6: sourcesOf('IPv6') };
}

/** The addresses that the first field of the element has. */
function firstField(family: Family, { key, keyEnd = key }: SetElement): AddressRange {
  const length = addressLength(family);
  const number = (bytes: Uint8Array) => addressNumber(addressFromBytes(bytes.subarray(0, length)));
  return { first: number(key), last: number(keyEnd) };
}
