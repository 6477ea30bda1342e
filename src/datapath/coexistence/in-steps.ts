import { inTurns } from '../../wire/conntrack/table.ts';

/** Runs the steps in turns of the event loop. @param isEnough after a turn: the other steps are left out */
export async function inSteps(steps: Iterable<undefined>, isEnough = () => false): Promise<void> {
  for await (const _ of inTurns(steps)) if (isEnough()) return;
}
