import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { nft } from '../../netns/namespace.ts';
import type { FaultKind } from '../fault.ts';

/** Rounds of a storm until the agent's socket must have lost something. */
const ROUNDS = 40;

/** Notifications come while the agent is stopped, until the kernel drops some (ENOBUFS): of rules, or of routes. */
export const overrun: FaultKind = {
  name: 'notifications lost',
  async run(world, random) {
    const what = random.pick(['rules', 'routes'] as const);
    await world.changePlan(random);
    world.agent.signal('SIGSTOP');
    const { pid } = world.agent;
    const before = drops(pid);
    let rounds = 0;
    try {
      while (rounds < ROUNDS && drops(pid) === before) {
        rounds++;
        if (what === 'rules') ruleStorm();
        else routeStorm();
      }
      await world.changePlan(random);
      // What is lost last must be noticed too.
      if (what === 'rules') nft('delete table ip knat');
    } finally {
      world.agent.signal('SIGCONT');
    }
    const lost = drops(pid) - before;
    return {
      dials: what === 'rules' ? 'anything' : 'none',
      note: `${what}: ${lost} lost in ${rounds} rounds`,
    };
  },
};

function ruleStorm(): void {
  const elements = Array.from({ length: 8000 }, (_, i) => String(i + 1)).join(', ');
  nft(`table inet storm {
  set ports { type inet_service; elements = { ${elements} }; }
}
delete table inet storm`);
}

function routeStorm(): void {
  const lines = Array.from({ length: 2000 }, (_, i) => `198.19.${i >> 8}.${i & 255}/32 dev lo table 777`);
  const input = [
    ...lines.map((line) => `route add ${line}`),
    ...lines.map((line) => `route del ${line}`),
  ].join('\n');
  execFileSync('ip', ['-batch', '-'], { input });
}

/** Messages that the netlink sockets of a process have lost (/proc/net/netlink, "Drops"). */
function drops(pid: number): number {
  return readFileSync('/proc/thread-self/net/netlink', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[2] === String(pid) || Number(fields[2]) > 2 ** 31)
    .reduce((sum, fields) => sum + Number(fields[8] ?? 0), 0);
}
