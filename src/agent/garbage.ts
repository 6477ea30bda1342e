import { Session } from 'node:inspector/promises';

/**
 * Collects all garbage and gives the memory back to the host. This is the one call of V8 that does both: `gc` keeps most
 * of the pages that it frees, and has to be repeated five times to come as far. The process stands still meanwhile,
 * about 3 ms for each MiB in use.
 */
export async function giveMemoryBack(): Promise<void> {
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.collectGarbage');
  } finally {
    session.disconnect();
  }
}
