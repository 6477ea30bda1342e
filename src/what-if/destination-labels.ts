import type { EgressDestination } from '../model/egress-rule.ts';
import { addressNumber } from '../net/address.ts';
import { prefixRange } from '../net/prefix.ts';
import type { AddressSet } from '../net/ranges.ts';
import { formatDestination } from '../plan/canonical.ts';
import type { EgressChoice } from '../plan/entry.ts';
import { FOR_EXPLANATIONS, type Ground, labelPools } from './ground.ts';
import { AFTER, ALIKE, BEFORE, everyAddress, Labels, singleAddress } from './partition.ts';
import { type Both, SIDES } from './sides.ts';

/** Labels all addresses with what rules about destinations ask. @param choices the EgressRules of the sources */
export function labelDestinations(
  labels: Labels,
  ground: Ground,
  choices: Both<Iterable<EgressChoice>>,
): void {
  const { family, scope, own } = ground;
  const { before, after } = scope;
  labels.add('any', ALIKE, everyAddress(family));
  labels.addBoth('own', own);
  labels.addBoth('service', { before: before.serviceCIDRs.ranges, after: after.serviceCIDRs.ranges });
  labels.addBoth('exempt', { before: before.egressExempt.ranges, after: after.egressExempt.ranges });
  labels.addBoth('internal', { before: before.podNatInternal.ranges, after: after.podNatInternal.ranges });
  labelPools(labels, ground);
  for (const side of SIDES) {
    const sides = side === 'before' ? BEFORE : AFTER;
    for (const { node, address } of scope[side].egress.hosts) {
      labels.add(`${FOR_EXPLANATIONS}host ${node}`, sides, [singleAddress(addressNumber(address))]);
    }
    for (const to of destinationsOf(choices[side])) {
      if (to.cidr.family !== family) continue;
      labels.add(`${FOR_EXPLANATIONS}to ${formatDestination(to)}`, sides, [prefixRange(to.cidr)]);
    }
  }
}

/** Destinations that every rule treats alike, whatever the source. */
export function destinationParts(ground: Ground, choices: Both<Iterable<EgressChoice>>): AddressSet[] {
  const labels = new Labels(ground.family);
  labelDestinations(labels, ground, choices);
  return labels.parts().map(({ addresses }) => addresses);
}

export function destinationsOf(choices: Iterable<EgressChoice>): readonly EgressDestination[] {
  return [...choices].flatMap(({ to }) => to ?? []);
}
