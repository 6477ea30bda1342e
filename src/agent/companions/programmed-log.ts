import { Wake } from '../../base/wake.ts';
import type { Report } from '../../datapath/datapath.ts';
import type { AgentFacts, Companion, CompanionFactory, PlanInForce } from '../companion.ts';

/** Shortest time between two lines, in milliseconds. */
const INTERVAL = 1000;

/** What one line says: of several changes together the last revision and the sums. */
type Line = Pick<Report, 'revision' | 'skeleton' | 'elementsAdded' | 'elementsDeleted' | 'compared'> & {
  readonly changes: number;
  readonly milliseconds: number;
};

/**
 * Logs what was programmed: immediately after a pause, then once a second with all changes in between, since a line costs as
 * much as a small change of the kernel. With level debug each change has its line.
 */
export const programmedLog: CompanionFactory = (agent) => new ProgrammedLog(agent);

class ProgrammedLog implements Companion {
  readonly name = 'the log has no lines about what is programmed';
  readonly #agent: Pick<AgentFacts, 'logger' | 'surroundings'>;
  readonly #wake = new Wake();
  #line: Line | null = null;
  #isFirst = true;
  /** Milliseconds of the monotonic clock. */
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(agent: AgentFacts) {
    this.#agent = agent;
  }

  converged({ report, milliseconds }: PlanInForce): void {
    const { skeleton, elementsAdded, elementsDeleted } = report;
    const hasWritten = elementsAdded + elementsDeleted > 0 || skeleton !== 'kept';
    if (!hasWritten && !this.#isFirst) return;
    this.#isFirst = false;
    this.#line = lineOf(this.#line, report, milliseconds);
    const { logger, surroundings } = this.#agent;
    if (surroundings.now() >= this.#nextAt || logger.isLevelEnabled('debug')) this.#write();
    else this.#wake.notify();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { surroundings } = this.#agent;
    while (!signal.aborted) {
      await this.#wake.wait(null, signal);
      const wait = this.#nextAt - surroundings.now();
      if (wait > 0) await surroundings.sleep(wait, signal);
      this.#write();
    }
  }

  #write(): void {
    if (this.#line === null) return;
    const { logger, surroundings } = this.#agent;
    const { milliseconds, ...line } = this.#line;
    this.#line = null;
    this.#nextAt = surroundings.now() + INTERVAL;
    logger.info({ ...line, milliseconds: Math.round(milliseconds * 1000) / 1000 }, 'programmed');
  }
}

function lineOf(before: Line | null, report: Report, milliseconds: number): Line {
  const { revision, skeleton, elementsAdded, elementsDeleted, compared } = report;
  if (before === null) {
    return { changes: 1, revision, skeleton, elementsAdded, elementsDeleted, compared, milliseconds };
  }
  return {
    changes: before.changes + 1,
    revision,
    skeleton: skeleton === 'kept' ? before.skeleton : skeleton,
    elementsAdded: before.elementsAdded + elementsAdded,
    elementsDeleted: before.elementsDeleted + elementsDeleted,
    compared: compared === 'changes' ? before.compared : compared,
    milliseconds: before.milliseconds + milliseconds,
  };
}
