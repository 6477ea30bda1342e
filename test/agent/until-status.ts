import type { Status } from '../../src/forms/status.ts';
import { askAgent } from '../../src/observe/client.ts';
import { until } from '../cluster/recorder.ts';

/** Asks the agent of this network namespace until its status meets the condition. Throws after 30 s. */
export async function untilStatus(isRight: (status: Status) => boolean): Promise<Status> {
  const found = await until(
    () => askAgent('/status').catch(() => null), // not started yet
    (status) => status !== null && isRight(status),
    30_000,
  );
  return found as Status;
}
