import { execFileSync } from 'node:child_process';
import type { FaultKind } from '../fault.ts';
import { Oracle } from '../traffic/oracle.ts';

const FURTHER = [
  ['203.0.113.99/32', '-4'],
  ['192.0.2.99/32', '-4'],
  ['2001:db8::99/128', '-6'],
] as const;

/** The node gets a further address and loses it again, several times, with changes in between. */
export const addresses: FaultKind = {
  name: 'addresses of the node',
  async run(world, random) {
    const times = random.between(1, 3);
    for (let i = 0; i < times; i++) {
      const [address, family] = random.pick(FURTHER);
      const change = async (verb: 'add' | 'del') => {
        const since = Oracle.now();
        const nodad = family === '-6' && verb === 'add' ? ['nodad'] : [];
        execFileSync('ip', [family, 'address', verb, address, 'dev', 'eth0', ...nodad]);
        await world.wanted(since);
      };
      await change('add');
      if (random.below(2) === 0) await world.changePlan(random);
      await world.pause(random.pick([0, 5, 100]));
      await change('del');
    }
    // A connection that was masqueraded with the address ends with it: the kernel forgets it.
    return { dials: 'lost', note: `${times} times` };
  },
};
