import type { BranchJson } from '../forms/walk.ts';
import type { IpAddress } from '../net/address.ts';
import { fateOf, reasonOf } from './answer.ts';
import type { Branch, Walk } from './walk.ts';

/** At least one is named. */
const NAMED = 3;

/**
 * Null if the packet gets the same in both cases.
 *
 * @param bearing the same packet, in a plan of a node that bears the further addresses
 */
export function branchOf(walk: Walk, bearing: Walk, further: readonly IpAddress[]): Branch | null {
  if (outcomeOf(walk) === outcomeOf(bearing)) return null;
  const met = new Set([bearing.packet.destination, ...bearing.paths.map(({ snat }) => snat)]);
  const concerned = further.filter((address) => met.has(address));
  return { bears: (concerned.length > 0 ? concerned : further).slice(0, NAMED), walk: bearing };
}

/** `node n1 bears 203.0.113.9` */
export function conditionText({ bears, walk }: Branch): string {
  return `node ${walk.nodeName} bears ${bears.join(' and ')}`;
}

export function branchJson(branch: Branch): BranchJson {
  const { bears, walk } = branch;
  return { condition: conditionText(branch), bears: [...bears], ...fateOf(walk), because: reasonOf(walk) };
}

function outcomeOf({ verdict, paths }: Walk): string {
  return JSON.stringify([
    verdict,
    paths.map(({ endpoint, snat, snatPort, dropped }) => [endpoint, snat, snatPort, dropped]),
  ]);
}
