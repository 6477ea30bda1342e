import { setImmediate as turn } from 'node:timers/promises';
import { ConntrackConnection } from '../wire/conntrack/connection.ts';
import type { FlowView } from '../wire/conntrack/flow-view.ts';

/** Datagrams between two turns of the event loop: some 600 entries, a few milliseconds. */
const DATAGRAMS_PER_TURN = 4;

/**
 * Shows every entry of the table, in turns, so that the rest of the process goes on meanwhile. Gives control back to the
 * caller after each turn; whoever stops early has nothing to clean up.
 */
export async function* everyFlow(visit: (flow: FlowView) => void): AsyncGenerator<undefined> {
  const connection = ConntrackConnection.open();
  try {
    let datagrams = 0;
    for (const _ of connection.dump({}, visit)) {
      if (++datagrams % DATAGRAMS_PER_TURN !== 0) continue;
      yield;
      await turn();
    }
  } finally {
    connection.close();
  }
}

/** As `everyFlow`, to the end. */
export async function visitEveryFlow(visit: (flow: FlowView) => void, signal?: AbortSignal): Promise<void> {
  for await (const _ of everyFlow(visit)) signal?.throwIfAborted();
}
