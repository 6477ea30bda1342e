import { describe, expect, test } from 'vitest';
import { FAMILIES } from '../../net/family.ts';
import { type EgressChains, plainEgress } from './egress.ts';
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
      const text = tableText(skeleton(family, { timeouts, egress }), 'knat');
      const file = `../../../test/golden/skeleton/${family}-${name}-${affinity}.nft`;
      await expect(text).toMatchFileSnapshot(file);
    });
  });
});
