import type { Datapath, Preview } from '../../datapath/datapath.ts';
import { answer } from '../../observe/api/route.ts';
import { differenceOf } from '../../observe/difference.ts';
import type { AgentFacts, CompanionFactory } from '../companion.ts';

/**
 * Answers what differs between the last plan and the kernel. Writes nothing and plans nothing. Clients that ask while a
 * comparison runs share its answer, so the kernel is read once at a time, however many ask.
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
      routes: (app, routes) =>
        answer(app, routes.difference, async ({ limit }) => differenceOf(await preview(), limit)),
    };
  };
}
