import type { CompanionFactory } from '../companion.ts';

/** The table of connections that were ended. */
export interface GoneRecord {
  /** Null: there is no table. */
  count(): number | null;
  remove(): void;
}

/** Milliseconds. */
const LOOK_EVERY = 60_000;

/**
 * Removes the table of ended connections once nothing is in it: while it is there, packets pass its chains. An agent that
 * ends none removes what an earlier one left.
 */
export function goneTableTidied(record: GoneRecord): CompanionFactory {
  return ({ logger, surroundings }) => ({
    name: 'table of ended connections',
    async run(signal) {
      while (!signal.aborted) {
        try {
          if (record.count() === 0) record.remove();
        } catch (error) {
          logger.debug({ err: error }, 'the table of ended connections stays');
        }
        await surroundings.sleep(LOOK_EVERY, signal);
      }
    },
  });
}
