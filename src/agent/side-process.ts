import { writeFileSync } from 'node:fs';
import { setPriority, totalmem } from 'node:os';

/** What processes of this program share that answer one question beside the agent, so that NAT does not wait for it. */

const MEBIBYTE = 2 ** 20;
/** What such a process takes beside its heap, and what stays free in the container, in MiB. */
const BESIDE_HEAP = 96;
/** MiB of heap; a small cluster needs as much. */
const SMALLEST_HEAP = 48;

/** The niceness: a tenth of the processor beside a busy process. With the lowest priority, nothing is answered on a busy node. */
const NICENESS = 10;

/** MiB that must be left for such a process. */
export const SMALLEST_PROCESS = SMALLEST_HEAP + BESIDE_HEAP;

/**
 * The heap that such a process may have, in MiB: a process too many would end the agent too. Null: too little is left.
 *
 * @param most of these, in MiB
 */
export function heapBeside(most: number, left = memoryLeft()): number | null {
  const heap = Math.min(Math.floor(left / MEBIBYTE) - BESIDE_HEAP, most);
  return heap < SMALLEST_HEAP ? null : heap;
}

/** Bytes that the container, or the host, may use beside this process. Without a limit the kernel says 0, or more than there is. */
function memoryLeft(): number {
  const limit = process.constrainedMemory();
  return (limit > 0 ? Math.min(limit, totalmem()) : totalmem()) - process.memoryUsage.rss();
}

/**
 * The process gives way to NAT, and is the first that the kernel ends if memory is short. Without rights it
 * stays as it is.
 */
export function giveWay(pid: number): void {
  try {
    setPriority(pid, NICENESS);
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  } catch {
    // It has ended already, or this process may not.
  }
}
