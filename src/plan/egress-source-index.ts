import { firstReached } from '../base/collect.ts';
import { addressNumber, familyOf, type IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { EgressSource, PlanEntry } from './entry.ts';
import { isEgressSourceKey } from './entry-key.ts';

export function holdsAddress({ family, range }: EgressSource, address: IpAddress): boolean {
  if (familyOf(address) !== family) return false;
  const number = addressNumber(address);
  return range.first <= number && number <= range.last;
}

/** Finds the source that contains an address. Built on demand, since only explanations need it. */
export class EgressSourceIndex {
  #sorted: Readonly<Record<Family, readonly EgressSource[]>> | null = null;

  changed(keys: Iterable<string>): void {
    if (this.#sorted === null) return;
    for (const key of keys) {
      if (!isEgressSourceKey(key)) continue;
      this.#sorted = null;
      return;
    }
  }

  find(address: IpAddress, entries: () => Iterable<PlanEntry>): EgressSource | undefined {
    this.#sorted ??= sortedSources(entries());
    const sources = this.#sorted[familyOf(address)];
    const number = addressNumber(address);
    const source = sources[firstReached(sources, ({ range }) => range.last >= number)];
    return source !== undefined && source.range.first <= number ? source : undefined;
  }
}

function sortedSources(entries: Iterable<PlanEntry>): Record<Family, EgressSource[]> {
  const sources: Record<Family, EgressSource[]> = { IPv4: [], IPv6: [] };
  for (const entry of entries) if (entry.kind === 'EgressSource') sources[entry.family].push(entry);
  for (const list of Object.values(sources)) list.sort((a, b) => (a.range.first < b.range.first ? -1 : 1));
  return sources;
}
