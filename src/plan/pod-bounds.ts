import type { PodNatEntry } from '../model/pod.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { formatPrefix, type Prefix, prefixSet } from '../net/prefix.ts';
import { blockCount } from '../net/ranges.ts';

/** Limit of different entries of one Pod, so that one annotation cannot fill the kernel's sets. docs/pod-nat.md, "How many". */
const MOST_ENTRIES = 1024;

/**
 * Why the annotation is too long; null if it is not. Equal entries and equal lists count once.
 *
 * @param mostNetworks in all lists together
 */
export function beyondBounds(entries: readonly PodNatEntry[], mostNetworks: number): string | null {
  const different = new Set<string>();
  const lists = new Map<string, number>();
  for (const entry of entries) {
    const { sourceIP, sourcePort, destinationPort, portCount, protocol, allow, egress, takeover } = entry;
    const list = allow === null ? '' : allow.map(formatPrefix).join();
    different.add(
      [sourceIP, sourcePort, destinationPort, portCount, protocol, egress, takeover, list].join(' '),
    );
    if (allow !== null && !lists.has(list)) lists.set(list, networkCount(allow));
  }
  if (different.size > MOST_ENTRIES) {
    return `${different.size} entries, and ${MOST_ENTRIES} have room: write neighbouring ports as a range`;
  }
  const allowed = [...lists.values()].reduce((sum, length) => sum + length, 0);
  if (allowed <= mostNetworks) return null;
  return `${allowed} networks in "allow", and ${mostNetworks} have room (--max-source-networks-per-list): name wider networks, or the same list in each entry`;
}

function networkCount(allow: readonly Prefix[]): number {
  const of = (family: Family) => prefixSet(family, allow);
  return FAMILIES.reduce((sum, family) => sum + blockCount(of(family)), 0);
}
