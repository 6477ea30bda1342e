import type { FaultKind } from '../fault.ts';
import { Tracer } from '../tracer.ts';

/** What a kernel can answer to each call on a netlink socket. Of the agent's sockets, only those of netlink use these calls. */
const ERRORS = {
  sendto: ['EINTR', 'ENOMEM', 'ENOBUFS', 'EAGAIN', 'EBUSY'],
  recvfrom: ['EINTR', 'ENOMEM', 'ENOBUFS', 'EAGAIN', 'EBUSY'],
} as const;
const CALLS = ['sendto', 'recvfrom'] as const;

/** Calls on netlink sockets fail while changes are programmed: one, several, or each second one. */
export const netlinkError: FaultKind = {
  name: 'netlink errors',
  async run(world, random) {
    const call = random.pick(CALLS);
    const error = random.pick(ERRORS[call]);
    const first = random.between(1, 8);
    const when = random.pick([`${first}`, `${first}..${first + 4}`, `${first}+2`]);
    const tracer = await Tracer.attach(world.agent.pid, [
      `--trace=${call}`,
      `--inject=${call}:error=${error}:when=${when}`,
    ]);
    try {
      const changes = random.between(1, 3);
      for (let i = 0; i < changes; i++) await world.changePlan(random);
      await world.pause(random.pick([0, 50, 300]));
      return { dials: 'none', note: `${call}: ${error} at ${when}, ${changes} changes` };
    } finally {
      await tracer.detach();
    }
  },
};
