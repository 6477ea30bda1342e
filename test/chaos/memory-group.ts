import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where control groups of memory are: version 2 first, else the hierarchy of version 1. */
const HIERARCHIES = [
  { root: '/sys/fs/cgroup', limit: 'memory.max', usage: 'memory.current', known: 'cgroup.controllers' },
  {
    root: '/sys/fs/cgroup/memory',
    limit: 'memory.limit_in_bytes',
    usage: 'memory.usage_in_bytes',
    known: 'memory.limit_in_bytes',
  },
] as const;
export interface MemoryGroup {
  /** A command line whose program runs in the group. */
  readonly through: readonly string[];
  /** Bytes that its processes may have. Less than they have is refused by version 1. */
  limit(bytes: number): void;
  /** Bytes that they have. */
  used(): number;
  remove(): Promise<void>;
}

function hierarchy() {
  return HIERARCHIES.find(({ root, known, limit }) => {
    if (!existsSync(join(root, known))) return false;
    return limit !== 'memory.max' || existsSync(join(root, 'memory.stat'));
  });
}

export const memoryGroup = {
  isPossible: () => hierarchy() !== undefined,

  make(name: string): MemoryGroup {
    const found = hierarchy();
    if (found === undefined) throw new Error('no control groups for memory');
    const folder = join(found.root, name);
    mkdirSync(folder, { recursive: true });
    return {
      through: ['sh', '-c', `echo $$ >${join(folder, 'cgroup.procs')} && exec "$@"`, 'sh'],
      limit: (bytes) => writeFileSync(join(folder, found.limit), String(bytes)),
      used: () => Number(readFileSync(join(folder, found.usage), 'utf8')),
      async remove() {
        for (let attempt = 0; attempt < 100; attempt++) {
          try {
            rmdirSync(folder);
            return;
          } catch {
            await sleep(10); // a process of it has not quite ended
          }
        }
      },
    };
  },
};
