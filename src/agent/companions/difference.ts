import type { Datapath, Preview } from '../../datapath/datapath.ts';
import { differenceOf } from '../../observe/difference.ts';
import type { AgentFacts, CompanionFactory } from '../companion.ts';

/** Compares the last plan and the kernel; writes nothing. Concurrent clients share one reading of the kernel. */
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
      routes: (app, routes, { answer }) =>
        answer(app, routes.difference, async ({ limit }) => differenceOf(await preview(), limit)),
    };
  };
}
