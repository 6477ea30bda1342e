import { writeFileSync } from 'node:fs';
import { agentRole, rulesWithout } from '../../cluster/agent-role.ts';
import type { FaultKind } from '../fault.ts';
import { serverOf } from './server.ts';

const RESOURCES = ['services', 'endpointslices', 'pods', 'nodes', 'ippools', 'servicecidrs'] as const;

/** The agent's token is no longer accepted; the next one is in its file a while later. */
export const token: FaultKind = {
  name: 'token',
  source: 'kubernetes',
  async run(world, random) {
    const { server, access } = serverOf(world);
    const next = `token-${random.below(2 ** 31)}`;
    const delay = random.pick([0, 100, 1500]);
    await server.ask({ command: 'token', token: next });
    try {
      await server.ask({ command: 'cut' });
      await world.change(random);
      await world.pause(delay);
    } finally {
      writeFileSync(access.tokenFile, next);
    }
    await world.change(random);
    return { dials: 'none', note: `${delay} ms without` };
  },
};

/** A ClusterRole loses the right to one kind, and has it again. */
export const rights: FaultKind = {
  name: 'rights',
  source: 'kubernetes',
  async run(world, random) {
    const { server, client } = serverOf(world);
    const resource = random.pick(RESOURCES);
    const delay = random.pick([0, 100, 1500]);
    await client.put(agentRole(rulesWithout(resource)));
    try {
      // A watch that is open goes on.
      if (random.below(3) > 0) await server.ask({ command: 'cut' });
      await world.change(random);
      await world.pause(delay);
    } finally {
      await client.put(agentRole());
    }
    await world.change(random);
    return { dials: 'none', note: `${resource}, ${delay} ms` };
  },
};
