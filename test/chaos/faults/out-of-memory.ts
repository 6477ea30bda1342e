import type { FaultKind } from '../fault.ts';
import { memoryGroup } from '../memory-group.ts';

const MIB = 2 ** 20;
/** Changes until a running agent must have needed more memory. */
const MOST_CHANGES = 12;

/** The kernel's out-of-memory killer takes the agent: while it starts with too little, or while it works and may get no more. */
export const outOfMemory: FaultKind = {
  name: 'out of memory',
  endsAgent: true,
  needs: () => (memoryGroup.isPossible() ? null : 'no control groups for memory'),
  async run(world, random) {
    const isStarting = random.below(2) === 0;
    await world.agent.end('SIGKILL');
    const group = memoryGroup.make(`knat-chaos-${process.pid}`);
    try {
      const megabytes = random.between(10, 60);
      if (isStarting) group.limit(megabytes * MIB);
      world.agent.spawn({ through: group.through });
      await world.changePlan(random);
      let what = `a start with ${megabytes} MiB`;
      if (!isStarting) {
        await world.agent.inForce();
        group.limit(group.used() + 64 * 1024);
        let changes = 0;
        for (; changes < MOST_CHANGES && world.agent.isRunning; changes++) await world.changePlan(random);
        what = `${changes} changes without more memory`;
      }
      const wasKilled = (await world.settledOrEnded()) === 'ended';
      await world.agent.end('SIGKILL');
      await world.changePlan(random);
      world.agent.spawn();
      return { dials: 'none', note: `${what}${wasKilled ? '' : ', not killed'}` };
    } finally {
      await group.remove();
    }
  },
};
