import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { FaultKind } from '../fault.ts';

/** No descriptor is left to the running agent, or a few; then as many as before. */
export const descriptors: FaultKind = {
  name: 'descriptors',
  async run(world, random) {
    const { pid } = world.agent;
    const before = limitsOf(pid);
    // Numbers below the limit may be free: then the agent gets a few more.
    const highest = Math.max(...readdirSync(`/proc/${pid}/fd`).map(Number));
    const spare = random.pick([0, 0, 1, 3]);
    const delay = random.pick([0, 300, 1500]);
    setLimit(pid, `${highest + 1 + spare}:${before.hard}`);
    try {
      // Connections of watches end, and new ones need descriptors.
      if (random.below(2) === 0) await world.server?.server.ask({ command: 'cut' });
      const changes = random.between(1, 4);
      for (let i = 0; i < changes; i++) await world.change(random);
      await world.pause(delay);
      return { dials: 'none', note: `${spare} to spare, ${changes} changes, ${delay} ms` };
    } finally {
      if (world.agent.isRunning) setLimit(pid, `${before.soft}:${before.hard}`);
    }
  },
};

function setLimit(pid: number, nofile: string): void {
  execFileSync('prlimit', [`--pid=${pid}`, `--nofile=${nofile}`]);
}

function limitsOf(pid: number): { soft: string; hard: string } {
  const line = readFileSync(`/proc/${pid}/limits`, 'utf8')
    .split('\n')
    .find((each) => each.startsWith('Max open files'));
  const [soft = '', hard = ''] = line?.replace('Max open files', '').trim().split(/\s+/) ?? [];
  return { soft, hard };
}
