import type { World } from '../world.ts';
import { foundFiles } from './files.ts';
import { foundProcesses } from './processes.ts';
import { foundStaleFlows } from './stale-flows.ts';

/** After a fault, when the kernel equals the plan: everything else that must be as before. One text for each problem. */
export async function problemsOf(world: World): Promise<string[]> {
  const [foreign, broken, processes, stale] = await Promise.all([
    world.foreign.problems(),
    world.traffic.exchange(),
    foundProcesses(world),
    foundStaleFlows(world),
  ]);
  return [
    ...foreign,
    ...stale,
    ...broken.map((text) => `a connection broke: ${text}`),
    ...processes,
    ...foundFiles(world),
  ];
}
