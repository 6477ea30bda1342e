import type { FaultKind } from '../fault.ts';

/** SIGTERM and a new start: an upgrade, or a crash loop of several starts that are killed early. */
export const restart: FaultKind = {
  name: 'restart',
  endsAgent: true,
  async run(world, random) {
    const early = random.below(3);
    for (let i = 0; i < early; i++) {
      await world.agent.end('SIGKILL');
      world.agent.spawn();
      await world.pause(random.below(200));
    }
    await world.changePlan(random);
    await world.agent.end('SIGTERM');
    await world.changePlan(random);
    world.agent.spawn();
    return { dials: 'none', note: `${early} killed before` };
  },
};
