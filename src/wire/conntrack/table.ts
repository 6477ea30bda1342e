import { sharedTurn } from '../../base/shared-turn.ts';
import { ConntrackConnection } from './connection.ts';
import type { FlowView } from './flow-view.ts';

/** Milliseconds of work between two turns of the event loop; a datagram (about 150 entries) is always finished. */
const STEP_MS = 1;

/**
 * Reads the table again and again over one connection, in the network namespace of the first reading. Does not filter in
 * the kernel, which would walk over skipped entries without a pause (10 ms for 100,000).
 */
export class TableReader {
  /** Null while a reading has it, and after one that stopped early. */
  #idle: ConntrackConnection | null = null;

  /** Visits every entry, one datagram in each step. A caller that stops early needs no cleanup. */
  *steps(visit: (flow: FlowView) => void): Generator<undefined> {
    const connection = this.#idle ?? new ConntrackConnection();
    this.#idle = null;
    let isRead = false;
    try {
      yield* connection.dump({}, visit);
      isRead = this.#idle === null;
    } finally {
      if (isRead) this.#idle = connection;
      else connection.retire();
    }
  }

  close(): void {
    this.#idle?.retire();
    this.#idle = null;
  }
}

/** As `TableReader.steps`, once. */
function* stepsOfTable(visit: (flow: FlowView) => void): Generator<undefined> {
  const reader = new TableReader();
  try {
    yield* reader.steps(visit);
  } finally {
    reader.close();
  }
}

/**
 * Runs the steps; yields after each `STEP_MS` of work and lets the event loop turn.
 * @param turn what is not done for a client does not wait for the questions of others
 */
export async function* inTurns(
  steps: Iterable<undefined>,
  turn: () => Promise<void> = sharedTurn,
): AsyncGenerator<undefined> {
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
