import { describe, expect, test } from 'vitest';
import { plainVariant, wholeVariant } from '../../../test/generators/skeleton-variant.ts';
import { FAMILIES } from '../../net/family.ts';
import { prefixOf } from '../../net/prefix.ts';
import { type EgressChains, plainEgress } from './egress.ts';
import type { FamilyNetworks } from './networks.ts';
import { tableText } from './ruleset/text.ts';
import { skeleton } from './skeleton.ts';

/** The settings that make other chains, by the name of their golden text. */
const settings: readonly (readonly [string, EgressChains])[] = [
  ['plain', plainEgress],
  ['interface', { interfaceFilter: 'eth0', hasAddress: false }],
  ['interfaces', { interfaceFilter: 'eth+', hasAddress: false }],
  ['address', { interfaceFilter: null, hasAddress: true }],
];
const affinities: readonly (readonly [string, readonly number[]])[] = [
  ['none', []],
  ['affinity', [1, 10800]],
];

/** A change of a golden text is a change of what packets meet: read it before it is taken over with `vitest -u`. */
describe.each(FAMILIES)('the skeleton of %s in nft text', (family) => {
  describe.each(settings)('egress %s', (name, egress) => {
    test.each(affinities)('session affinity %s', async (affinity, timeouts) => {
      const text = tableText(skeleton(family, { ...wholeVariant, timeouts, egress }), 'knat');
      const file = `../../../test/golden/skeleton/${family}-${name}-${affinity}.nft`;
      await expect(text).toMatchFileSnapshot(file);
    });
  });
});

const networksIn = {
  IPv4: { pods: '10.244.0.0/16', services: '10.96.0.0/12' },
  IPv6: { pods: 'fd00:244::/60', services: 'fd00:96::/112' },
};

test.each(FAMILIES)(
  'the skeleton of %s with single networks, and no part that an entry needs',
  async (family) => {
    const { pods, services } = networksIn[family];
    const inside = (text: string) => ({ prefix: prefixOf(text), isInside: true });
    const networks: FamilyNetworks = {
      service_cidrs: inside(services),
      masquerade_to_cluster_ip: { prefix: prefixOf(pods), isInside: false },
      egress_sources: inside(pods),
      egress_exempt: inside(pods),
      hasUnmasqueradedInterface: false,
      hasEgressInterface: false,
    };
    const both = { IPv4: networks, IPv6: networks };
    const text = tableText(skeleton(family, { ...plainVariant, networks: both }), 'knat');
    await expect(text).toMatchFileSnapshot(`../../../test/golden/skeleton/${family}-networks.nft`);
  },
);
