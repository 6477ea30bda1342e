import type { FaultKind } from '../fault.ts';

/** SIGSTOP for up to two seconds, with changes meanwhile, then SIGCONT. */
export const freeze: FaultKind = {
  name: 'freeze',
  async run(world, random) {
    await world.change(random);
    await world.pause(random.below(10));
    world.agent.signal('SIGSTOP');
    try {
      const changes = random.between(1, 4);
      for (let i = 0; i < changes; i++) await world.change(random);
      const delay = random.pick([0, 20, 200, 2000]);
      await world.pause(delay);
      return { dials: 'none', note: `${delay} ms, ${changes} changes` };
    } finally {
      world.agent.signal('SIGCONT');
    }
  },
};
