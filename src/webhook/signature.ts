import { formatRef } from '../model/object.ts';
import { claimChanges } from '../what-if/claims.ts';
import type { Comparison } from '../what-if/comparison.ts';
import type { PlannedChange } from '../what-if/planned.ts';

/**
 * Equal for nodes on which the same entries change, apart from their own addresses. Null: nothing changes.
 */
export function signatureOf(
  { changed, before, after }: Comparison,
  conflicts: PlannedChange<unknown>['conflicts'],
): string | null {
  const claims = claimChanges(conflicts).map(({ key, before: was, after: becomes }) => {
    return [
      key,
      was === null ? '' : formatRef(was.winner),
      becomes === null ? '' : formatRef(becomes.winner),
    ];
  });
  if (changed.size === 0 && claims.length === 0) return null;
  const own = new Map(
    [...before.node.localAddresses, ...after.node.localAddresses].map(({ address }) => [
      address as string,
      'node',
    ]),
  );
  const written = (_: string, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    return typeof value === 'string' ? withoutOwn(value, own) : value;
  };
  return JSON.stringify([[...changed.values()], claims], written);
}

/** Keys of entries begin with their address: `192.0.2.1:30080/TCP`. */
function withoutOwn(text: string, own: ReadonlyMap<string, string>): string {
  const known = own.get(text);
  if (known !== undefined) return known;
  if (!/^[\d.:a-f[\]]+\//.test(text)) return text;
  for (const [address, name] of own) {
    if (text.startsWith(`${address}:`) || text.startsWith(`[${address}]:`)) {
      return name + text.slice(text.indexOf(address) + address.length);
    }
  }
  return text;
}
