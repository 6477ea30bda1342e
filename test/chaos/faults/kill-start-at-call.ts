import type { FaultKind } from '../fault.ts';

/** A start with the tables in place makes about 60 of each; more are made after the first report. */
const MOST = 60;

/** SIGKILL when a starting agent is about to send to the kernel, or to read its answer. */
export const killStartAtCall: FaultKind = {
  name: 'kill a start at a netlink call',
  endsAgent: true,
  async run(world, random) {
    const call = random.pick(['sendto', 'recvfrom']);
    const number = random.between(1, MOST);
    await world.agent.end('SIGKILL');
    await world.changePlan(random);
    world.agent.spawn({
      through: ['strace', '-D', '-f', '-qq', '--seccomp-bpf', '-o', '/dev/null', `--trace=${call}`].concat(
        `--inject=${call}:signal=KILL:when=${number}`,
      ),
    });
    const wasHit = (await world.settledOrEnded()) === 'ended';
    await world.agent.end('SIGKILL');
    world.agent.spawn();
    const place = `${world.source}: ${call} ${number}`;
    return {
      dials: 'none',
      note: `${place}${wasHit ? '' : ', not reached'}`,
      ...(wasHit ? { place: { name: place, of: null } } : {}),
    };
  },
};
