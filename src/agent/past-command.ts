import { PAST_TITLE, PastUnanswered } from './past-process.ts';
import { heapBeside } from './side-process.ts';

/** MiB of heap at most; 30,000 Services need 200. */
const MOST = 2000;

/**
 * This program, as it was started, under the name that answers about the past. Its heap is bounded by what the container
 * has left. Throws PastUnanswered if that is too little.
 */
export function pastCommand(): string[] {
  const { execPath, execArgv, argv } = process;
  const heap = heapBeside(MOST);
  if (heap === null) {
    throw new PastUnanswered('the container has too little memory left to rebuild a plan');
  }
  const flags = execArgv.filter((flag) => !/^--(title|max-old-space-size)=/.test(flag));
  return [execPath, ...flags, `--max-old-space-size=${heap}`, `--title=${PAST_TITLE}`, argv[1] ?? ''];
}
