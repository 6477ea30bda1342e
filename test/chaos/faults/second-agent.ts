import { startKnat } from '../../cli/knat.ts';
import type { FaultKind } from '../fault.ts';
import { MAIN } from '../node-agent.ts';

/** Somebody starts a second agent on the node: it must end by itself and change nothing. */
export const secondAgent: FaultKind = {
  name: 'second agent',
  async run(world, random) {
    await world.changePlan(random);
    const second = startKnat(['agent', ...world.agent.args()], { main: MAIN });
    await world.changePlan(random);
    const { status, errors } = await second.ended;
    if (status !== 4) throw new Error(`a second agent ended with ${status}: ${errors}`);
    return { dials: 'none' };
  },
};
