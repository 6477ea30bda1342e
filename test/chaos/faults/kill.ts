import type { FaultKind } from '../fault.ts';

/** SIGKILL at any moment of the agent's work: while it programs changes, or while it starts. */
export const kill: FaultKind = {
  name: 'kill',
  endsAgent: true,
  async run(world, random) {
    const isStarting = random.below(3) === 0;
    if (isStarting) {
      await world.agent.end('SIGKILL');
      await world.change(random);
      await world.agent.spawn();
    } else {
      await world.change(random);
    }
    // A start takes some 300 ms of processor time, a change some milliseconds.
    const delay = random.below(isStarting ? 600 : 30);
    await world.pause(delay);
    await world.agent.end('SIGKILL');
    await world.change(random);
    await world.agent.spawn();
    return { dials: 'none', note: `${delay} ms after ${isStarting ? 'its start' : 'a change'}` };
  },
};
