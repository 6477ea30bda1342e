import { type LieName, lies } from '../../cluster/simulator/lies.ts';
import type { FaultKind } from '../fault.ts';
import type { Random } from '../random.ts';
import { type EventFault, refusalNames, type ServerFault } from '../store/server-faults.ts';
import type { ServerStore } from '../store/server-store.ts';
import type { World } from '../world.ts';

/** Resources that are watched in every life. */
const PLURALS = ['services', 'endpointslices', 'pods', 'nodes', 'ippools'] as const;

function needsSimulator(world: World): string | null {
  const isReal = world.server?.access.kind === 'kube-apiserver';
  return isReal ? 'a real API server has no such fault on demand' : null;
}

export function serverOf({ server }: World): ServerStore {
  if (server === null) throw new Error('the source is no API server');
  return server;
}

async function changes(world: World, random: Random, most = 3): Promise<number> {
  const count = random.between(1, most);
  for (let i = 0; i < count; i++) await world.change(random);
  return count;
}

/** The server cannot be reached, is killed and started again, or its connections break. */
export const serverAway: FaultKind = {
  name: 'server away',
  source: 'kubernetes',
  async run(world, random) {
    const { server } = serverOf(world);
    const how = random.pick(['cut', 'barred', 'killed', 'ended']);
    const delay = random.pick([0, 50, 500, 1500]);
    if (how !== 'cut') await server.ask({ command: 'bar' });
    try {
      if (how === 'cut') await server.ask({ command: 'cut' });
      await changes(world, random);
      if (how === 'killed') await server.ask({ command: 'restart', how: 'SIGKILL' });
      if (how === 'ended') await server.ask({ command: 'restart', how: 'SIGTERM' });
      await changes(world, random);
      await world.pause(delay);
    } finally {
      await server.ask({ command: 'unbar' });
    }
    return { dials: 'none', note: `${how}, ${delay} ms` };
  },
};

/** The server forgets all earlier versions: 410 for watches that resume, and for lists under way. */
export const compaction: FaultKind = {
  name: 'compaction',
  source: 'kubernetes',
  async run(world, random) {
    const { server } = serverOf(world);
    const isAway = random.below(2) === 0;
    if (isAway) await server.ask({ command: 'bar' });
    try {
      const count = await changes(world, random, 5);
      await server.ask({ command: 'compact' });
      if (!isAway) await server.ask({ command: 'cut' });
      return { dials: 'none', note: `${count} changes before, ${isAway ? 'unseen' : 'seen'}` };
    } finally {
      await server.ask({ command: 'unbar' });
    }
  },
};

/** Begins the fault, makes changes, perhaps restarts every watch, and ends the fault. */
async function during(world: World, random: Random, fault: ServerFault, most = 1500): Promise<string> {
  const { server } = serverOf(world);
  const delay = random.pick([0, 100, most]);
  const isCut = random.below(2) === 0;
  await server.ask({ command: 'fault', fault });
  try {
    if (isCut) {
      await server.ask({ command: 'compact' });
      await server.ask({ command: 'cut' });
    }
    await changes(world, random);
    await world.pause(delay);
    await changes(world, random);
  } finally {
    await server.ask({ command: 'well' });
  }
  return `${isCut ? 'after a cut, ' : ''}${delay} ms`;
}

/** A server, or a program in front of it, that answers with status 200 what is no answer. */
export const serverLies: FaultKind = {
  name: 'server lies',
  source: 'kubernetes',
  needs: needsSimulator,
  async run(world, random) {
    const lie = random.pick(Object.keys(lies) as LieName[]);
    const plural = random.below(3) === 0 ? random.pick(PLURALS) : null;
    const note = await during(world, random, { what: 'lies', lie, plural });
    return { dials: 'none', note: `${lie}, ${plural ?? 'everything'}, ${note}` };
  },
};

/** Storms of 401, 403, 404, 410, 429 and 503, with and without Retry-After; for everything, or as rights taken for one kind. */
export const serverRefuses: FaultKind = {
  name: 'server refuses',
  source: 'kubernetes',
  needs: needsSimulator,
  async run(world, random) {
    const how = random.pick(refusalNames);
    // For optional kinds 404 says that they are gone, for which there is time.
    const plural = random.below(2) === 0 ? random.pick(PLURALS) : null;
    const note = await during(world, random, { what: 'refuses', how, plural });
    return { dials: 'none', note: `${how}, ${plural ?? 'everything'}, ${note}` };
  },
};

export const serverSlow: FaultKind = {
  name: 'server slow',
  source: 'kubernetes',
  needs: needsSimulator,
  async run(world, random) {
    const fault = {
      what: 'is slow',
      milliseconds: random.pick([0, 20, 300]),
      inPieces: random.below(2) === 0,
    } as const;
    const note = await during(world, random, fault);
    return {
      dials: 'none',
      note: `${fault.milliseconds} ms, ${fault.inPieces ? 'in pieces' : 'whole'}, ${note}`,
    };
  },
};

const EVENTS = ['lost', 'doubled', 'repeated later', 'swapped', 'no bookmarks', 'late', 'cut'] as const;

/** Watches lose, repeat or reorder events. */
export const watchEvents: FaultKind = {
  name: 'watch events',
  source: 'kubernetes',
  needs: needsSimulator,
  async run(world, random) {
    const how: EventFault = random.pick(EVENTS);
    const plurals = random.below(2) === 0 ? PLURALS : [random.pick(PLURALS)];
    const note = await during(world, random, { what: 'events', how, plurals }, 800);
    return { dials: 'none', note: `${how}, ${plurals.join(' ')}, ${note}` };
  },
};

/** The server has another certificate: of its authority, or of one that the agent does not know, and back. */
export const certificate: FaultKind = {
  name: 'certificate',
  source: 'kubernetes',
  needs: needsSimulator,
  async run(world, random) {
    const { server } = serverOf(world);
    const isOfAnotherAuthority = random.below(2) === 0;
    const fault = { what: 'certificate', isOfAnotherAuthority } as const;
    await server.ask({ command: 'fault', fault });
    try {
      await server.ask({ command: 'cut' });
      // The machine itself does not talk to a server with a strange certificate.
      if (!isOfAnotherAuthority) await changes(world, random);
      await world.pause(random.pick([50, 800]));
    } finally {
      await server.ask({ command: 'well' });
    }
    await changes(world, random);
    return { dials: 'none', note: isOfAnotherAuthority ? 'of another authority' : 'a new one' };
  },
};
