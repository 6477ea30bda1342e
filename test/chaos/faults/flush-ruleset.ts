import { nft } from '../../netns/namespace.ts';
import type { FaultKind } from '../fault.ts';

/** `nft flush ruleset` while changes are programmed; the other program loads its own rules again. */
export const flushRuleset: FaultKind = {
  name: 'flush ruleset',
  async run(world, random) {
    const times = random.between(1, 3);
    for (let i = 0; i < times; i++) {
      await world.changePlan(random);
      await world.pause(random.below(20));
      nft('flush ruleset');
    }
    await world.foreign.load();
    return { dials: 'anything', note: `${times} times` };
  },
};
