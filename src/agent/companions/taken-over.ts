import type { Datapath } from '../../datapath/datapath.ts';
import { Planner } from '../../plan/planner.ts';
import type { AgentFacts, CompanionFactory } from '../companion.ts';

/** Milliseconds; a source that answers is usually in sync by then. */
const FIRST_LOOK = 1_000;
/** Milliseconds between looks: another program may remove the tables while the source is unreadable. */
const LOOK_EVERY = 5_000;

/**
 * Until the source has delivered everything, checks whether an earlier agent's rules are in the kernel, so that load
 * balancers can keep using the node. Writes nothing.
 */
export function takenOverRules(datapath: Pick<Datapath, 'preview'>): CompanionFactory {
  return (agent) => ({
    name: 'rules taken over',
    run: async (signal) => {
      const { surroundings, logger } = agent;
      await surroundings.sleep(FIRST_LOOK, signal);
      for (let since: number | null = null; !signal.aborted && !agent.health().synced; ) {
        const isThere = await hasRules(datapath, agent, signal).catch(() => since !== null);
        if (!isThere) since = null;
        else if (since === null) {
          since = surroundings.wallClock().getTime();
          logger.info('the source cannot be read yet; the rules of an earlier agent do the work');
        }
        agent.tookOver(since);
        await surroundings.sleep(LOOK_EVERY, signal);
      }
    },
  });
}

/** True if our tables have elements that a node without objects would not have. */
async function hasRules(
  datapath: Pick<Datapath, 'preview'>,
  { planner, settings }: AgentFacts,
  signal: AbortSignal,
): Promise<boolean> {
  const nothing = new Planner(planner.node, settings.plan).update();
  const { skeleton, changes } = await datapath.preview(nothing, signal);
  if (skeleton === 'loaded') return false;
  // If the version or settings differ, the elements cannot be compared.
  return skeleton === 'swapped' || changes.some(({ what }) => what === 'delete');
}
