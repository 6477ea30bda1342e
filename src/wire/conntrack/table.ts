import { setImmediate as turn } from 'node:timers/promises';
import { ConntrackConnection } from './connection.ts';
import type { FlowView } from './flow-view.ts';

/** Milliseconds of work between two turns of the event loop; a datagram (about 150 entries) is always finished. */
const STEP_MS = 1;

/**
 * Visits every entry of the table, one datagram in each step. Does not filter in the kernel, which would walk over
 * skipped entries without a pause (10 ms for 100,000). A caller that stops early needs no cleanup.
 */
export function* stepsOfTable(visit: (flow: FlowView) => void): Generator<undefined> {
  const connection = new ConntrackConnection();
  try {
    yield* connection.dump({}, visit);
  } finally {
    connection.close();
  }
}

/** Runs the steps; yields after each `STEP_MS` of work and lets the event loop turn. */
export async function* inTurns(steps: Iterable<undefined>): AsyncGenerator<undefined> {
  let start = performance.now();
  for (const _ of steps) {
    if (performance.now() - start < STEP_MS) continue;
    yield;
    await turn();
    start = performance.now();
  }
}

/** Visits every entry in turns of the event loop; yields after each turn. Stopping early needs no cleanup. */
export function everyFlow(visit: (flow: FlowView) => void): AsyncGenerator<undefined> {
  return inTurns(stepsOfTable(visit));
}

/** As `everyFlow`, to the end. */
export async function visitEveryFlow(visit: (flow: FlowView) => void, signal?: AbortSignal): Promise<void> {
  for await (const _ of everyFlow(visit)) signal?.throwIfAborted();
}
