import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FaultKind } from '../fault.ts';
import type { Random } from '../random.ts';
import { makeFolder } from '../store/make-folder.ts';
import { type CallPlace, placesIn, Tracer } from '../tracer.ts';
import type { World } from '../world.ts';

/** Waiting is no place: the agent does nothing then, and its number depends on the machine. */
const WAITING: ReadonlySet<string> = new Set(['epoll_pwait', 'futex', 'restart_syscall', 'poll', 'ppoll']);

/** The system calls with which the agent reads a change and commits it, by source; counted once. */
const measured = new Map<string, readonly CallPlace[]>();

async function placesOfChange(world: World, random: Random): Promise<readonly CallPlace[]> {
  const known = measured.get(world.source);
  if (known !== undefined) return known;
  const folder = makeFolder('record');
  const record = join(folder, 'strace');
  const tracer = await Tracer.attach(world.agent.pid, ['-o', record]);
  await world.changePlan(random);
  await world.settled();
  await tracer.detach();
  const places = placesIn(readFileSync(record, 'utf8')).filter(({ call }) => !WAITING.has(call));
  rmSync(folder, { recursive: true });
  measured.set(world.source, places);
  return places;
}

/** SIGKILL at one system call of a change, each as likely as the others: when a thread is about to make it. */
export const killAtCall: FaultKind = {
  name: 'kill at a system call',
  endsAgent: true,
  async run(world, random) {
    const places = await placesOfChange(world, random);
    const { call, number } = random.pick(places);
    const tracer = await Tracer.attach(world.agent.pid, [
      `--trace=${call}`,
      `--inject=${call}:signal=KILL:when=${number}`,
    ]);
    await world.changePlan(random);
    const wasHit = (await world.settledOrEnded()) === 'ended';
    await world.agent.end('SIGKILL'); // a change that needs fewer calls than the counted one
    await tracer.detach();
    world.agent.spawn();
    const place = `${world.source}: ${call} ${number}`;
    return {
      dials: 'none',
      note: `${place}${wasHit ? '' : ', not reached'}`,
      ...(wasHit ? { place: { name: place, of: places.length } } : {}),
    };
  },
};
