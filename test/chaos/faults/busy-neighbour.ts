import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { FaultKind } from '../fault.ts';

/** Another program commits transactions of its own without a pause, or one that holds the lock of nf_tables for long. */
export const busyNeighbour: FaultKind = {
  name: 'busy neighbour',
  async run(world, random) {
    const isLong = random.below(2) === 0;
    const script = isLong
      ? longTransaction(random.between(500, 3000))
      : manyTransactions(random.between(50, 300));
    const program = spawn('nft', [isLong ? '-f' : '-i', ...(isLong ? ['-'] : [])], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const ended = once(program, 'close');
    program.stdin.on('error', () => {});
    program.stdin.end(script);
    const changes = random.between(2, 5);
    for (let i = 0; i < changes; i++) await world.changePlan(random);
    const [status] = await ended;
    if (status !== 0) throw new Error(`nft ended with ${status}`);
    return {
      dials: 'none',
      note: `${isLong ? 'one long transaction' : 'many transactions'}, ${changes} changes`,
    };
  },
};

/** A set of intervals costs the kernel most when it is committed. */
function longTransaction(count: number): string {
  const elements = Array.from(
    { length: count },
    (_, i) => `198.${18 + (i >> 15)}.${(i >> 7) & 255}.${(i << 1) & 255}`,
  );
  return `table inet busy {
  set many { type ipv4_addr; flags interval; elements = { ${elements.join(', ')} }; }
}
delete table inet busy
`;
}

/** nft -i commits each line by itself. */
function manyTransactions(count: number): string {
  return `${'add table inet busy\ndelete table inet busy\n'.repeat(count)}quit\n`;
}
