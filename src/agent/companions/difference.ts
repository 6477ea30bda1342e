import type { Datapath, Preview } from '../../datapath/datapath.ts';
import { differenceRoutes } from '../../observe/api/routes/difference.ts';
import { differenceOf } from '../../observe/difference.ts';
import type { AgentFacts, CompanionFactory } from '../companion.ts';

/**
 * Answers what differs between the plan, as it was last made, and the kernel. Writes nothing and plans nothing. Who asks
 * while a comparison runs gets that one's answer: any number of askers cost one reading at a time.
 */
export function kernelDifference(datapath: Pick<Datapath, 'preview'>): CompanionFactory {
  return ({ planner }: AgentFacts) => {
    const never = new AbortController().signal;
    let running: Promise<Preview> | null = null;
    const preview = async () => {
      running ??= datapath.preview(planner.plan, never).finally(() => {
        running = null;
      });
      return await running;
    };
    return {
      name: 'the difference to the kernel',
      routes: differenceRoutes(async (limit) => differenceOf(await preview(), limit)),
    };
  };
}
