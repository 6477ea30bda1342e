import { execFileSync } from 'node:child_process';
import type { FaultKind } from '../fault.ts';

/** Interfaces appear, go up and down, and disappear on the node. */
export const interfaces: FaultKind = {
  name: 'interfaces of the node',
  async run(world, random) {
    const ip = (...words: string[]) => execFileSync('ip', words);
    const count = random.between(1, 3);
    ip('link', 'add', 'spare0', 'type', 'veth', 'peer', 'name', 'spare1');
    try {
      for (let i = 0; i < count; i++) {
        ip('link', 'set', 'spare0', 'up');
        ip('link', 'set', 'spare1', 'up');
        await world.changePlan(random);
        await world.pause(random.pick([0, 20]));
        ip('link', 'set', 'spare0', 'down');
      }
    } finally {
      ip('link', 'del', 'spare0');
    }
    return { dials: 'none', note: `${count} times` };
  },
};

/** The cable to the clients or to the pods is cut for a while. */
export const cable: FaultKind = {
  name: 'cable cut',
  async run(world, random) {
    const side = random.pick(['clients', 'backends'] as const);
    const delay = random.pick([0, 50, 300]);
    await world.stage.cutCable(side, async () => {
      await world.changePlan(random);
      await world.pause(delay);
    });
    return { dials: 'lost', note: `${side}, ${delay} ms` };
  },
};
