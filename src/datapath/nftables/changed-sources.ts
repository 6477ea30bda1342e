import type { Difference } from '../../delta/delta.ts';
import type { Family } from '../../net/family.ts';
import { type AddressRange, type AddressSet, unionOf } from '../../net/ranges.ts';
import { addressesOf, type PlacedElement, rowOf } from './element.ts';

/**
 * The sources about whose address other elements decide than before.
 *
 * @param changes what was added and removed
 * @param all what there was before
 */
export function changedSources(
  { add, remove }: Difference<PlacedElement>,
  all: Iterable<PlacedElement>,
): Record<Family, AddressSet> {
  const changed = [...add, ...remove];
  const sourcesOf = (family: Family): AddressSet => {
    const here = changed.filter((placed) => placed.family === family);
    const isForAll = here.some((placed) => rowOf(placed).translates === 'every source');
    const ranges: AddressRange[] = [];
    for (const placed of isForAll ? [...here, ...all] : here) {
      const isEnd = placed.element.intervalEnd === true;
      if (placed.family !== family || isEnd || rowOf(placed).translates !== 'its source') continue;
      ranges.push(addressesOf(placed));
    }
    return unionOf(family, ranges);
  };
  return { IPv4: sourcesOf('IPv4'), IPv6: sourcesOf('IPv6') };
}
