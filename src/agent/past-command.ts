import { totalmem } from 'node:os';
import { InvalidQuery } from '../observe/invalid-query.ts';
import { PAST_TITLE } from './past-process.ts';

const MIB = 2 ** 20;
/** Memory that stays free in the container, and what the process needs beside its heap. */
const SPARED = 96 * MIB;
/** Megabytes of the heap: a small cluster needs as much; 30,000 Services need 200. */
const LEAST = 48;
const MOST = 2000;

/**
 * This program, as it was started, under the name that answers about the past. Its heap is bounded by what the container
 * has left: a process too many would end the agent too. Throws InvalidQuery if that is too little.
 */
export function pastCommand(): string[] {
  const { execPath, execArgv, argv } = process;
  const free = limitOfMemory() - process.memoryUsage.rss() - SPARED;
  const megabytes = Math.min(Math.floor(free / MIB), MOST);
  if (megabytes < LEAST) {
    throw new InvalidQuery(
      'the container has too little memory left to rebuild a plan: raise its limit, or read the folder elsewhere with --history-dir',
    );
  }
  const flags = execArgv.filter((flag) => !/^--(title|max-old-space-size)=/.test(flag));
  return [execPath, ...flags, `--max-old-space-size=${megabytes}`, `--title=${PAST_TITLE}`, argv[1] ?? ''];
}

/** Bytes that this container, or the host, may use. Without a limit the kernel says 0, or more than there is. */
function limitOfMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
