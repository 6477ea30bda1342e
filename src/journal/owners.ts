import type { PortOwner } from '../forms/flows.ts';
import { formatRef } from '../model/object.ts';
import type { IpAddress } from '../net/address.ts';
import type { Protocol } from '../net/protocol.ts';
import type { PlanEntry } from '../plan/entry.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import { hasPort } from '../plan/port-claims.ts';

/** Most owners that are named. */
const MOST = 50;

/** Which objects had an address and port of the node by the plan: those that alone could use it first. */
export function ownersOf(
  plan: Pick<NatPlan, 'entries'>,
  asked: { readonly address: IpAddress; readonly port: number; readonly protocol: Protocol | null },
): PortOwner[] {
  const owners = new Map<string, PortOwner>();
  for (const entry of plan.entries()) {
    const owner = ownerOf(entry, asked);
    if (owner === null) continue;
    if (owners.get(owner.name)?.certain !== true) owners.set(owner.name, owner);
  }
  return [...owners.values()].sort((a, b) => Number(b.certain) - Number(a.certain)).slice(0, MOST);
}

function ownerOf(
  entry: PlanEntry,
  { address, port, protocol }: Parameters<typeof ownersOf>[1],
): PortOwner | null {
  const isOf = (other: Protocol) => protocol === null || other === protocol;
  switch (entry.kind) {
    case 'ServiceFrontend':
    case 'PodBinding':
    case 'PodReservation': {
      const isDialled = entry.tuple.address === address && isOf(entry.tuple.protocol) && hasPort(entry, port);
      return isDialled
        ? { name: formatRef(entry.owner), certain: true, why: `it is dialled at ${entry.key}` }
        : null;
    }
    case 'PodSourcePort': {
      const { snat, portCount, tuple, owner } = entry;
      const isLeft = snat.address === address && port >= snat.port && port < snat.port + portCount;
      if (!isLeft || !isOf(tuple.protocol)) return null;
      return { name: formatRef(owner), certain: true, why: 'its connections leave from this port' };
    }
    case 'PodSource':
      if (entry.snat !== address || !isOf(entry.protocol)) return null;
      return {
        name: formatRef(entry.owner),
        certain: false,
        why: 'its connections leave with this address, from any free port',
      };
    case 'EgressSource': {
      const isLeft = [...entry.choices.map(({ outcome }) => outcome), entry.rest].some(
        (outcome) => outcome?.verdict === 'snat' && outcome.to === address,
      );
      if (!isLeft || entry.pod === null) return null;
      return {
        name: formatRef(entry.pod),
        certain: false,
        why: 'by an EgressRule its connections leave with this address',
      };
    }
    default:
      return null;
  }
}
