import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { Report } from '../../datapath/datapath.ts';
import type { AgentFacts, PlanInForce } from '../companion.ts';
import { programmedLog } from './programmed-log.ts';

/** A log whose clock the test moves. */
function logAt(level: 'info' | 'debug') {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const logger = pino({ level, base: null, timestamp: false }, { write });
  let now = 0;
  let wake: () => void = () => {};
  const sleeps: number[] = [];
  const surroundings = {
    now: () => now,
    sleep: (milliseconds: number, signal: AbortSignal) => {
      sleeps.push(milliseconds);
      return new Promise<void>((resolve) => {
        wake = resolve;
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve());
      });
    },
  };
  const companion = programmedLog({ logger, surroundings } as unknown as AgentFacts);
  const programmed = (revision: number, changes: Partial<Report>, milliseconds = 0.25) =>
    companion.converged?.({ report: { ...report, revision, ...changes }, milliseconds } as PlanInForce);
  const pass = async (milliseconds: number) => {
    now += milliseconds;
    wake();
    await new Promise<void>((resolve) => setImmediate(resolve));
  };
  return { companion, lines, sleeps, programmed, pass };
}

const report = { skeleton: 'kept', compared: 'changes', elementsAdded: 0, elementsDeleted: 0 } as const;

test('after a pause a line at once, then one a second with all that was programmed', async () => {
  const { companion, lines, sleeps, programmed, pass } = logAt('info');
  const stop = new AbortController();
  const running = companion.run?.(stop.signal);
  programmed(1, { skeleton: 'loaded', compared: 'everything', elementsAdded: 9 });
  expect(lines).toMatchObject([{ changes: 1, revision: 1, skeleton: 'loaded', elementsAdded: 9 }]);
  await pass(400);
  programmed(2, { elementsAdded: 1, elementsDeleted: 1 });
  programmed(3, { elementsDeleted: 2, skeleton: 'changed' }, 0.5);
  programmed(4, { elementsAdded: 1 });
  programmed(5, {}); // nothing was written
  expect(lines).toHaveLength(1);
  await pass(0);
  expect(sleeps).toEqual([600]);
  await pass(600);
  expect(lines.slice(1)).toEqual([
    {
      level: 30,
      changes: 3,
      revision: 4,
      skeleton: 'changed',
      elementsAdded: 2,
      elementsDeleted: 3,
      compared: 'changes',
      milliseconds: 1,
      msg: 'programmed',
    },
  ]);
  programmed(6, { elementsAdded: 1 });
  stop.abort();
  await running;
  expect(lines.at(-1)).toMatchObject({ revision: 6, changes: 1 });
});

test('a start that finds everything in the kernel has a line too', () => {
  const { lines, programmed } = logAt('info');
  programmed(1, { compared: 'everything' });
  programmed(2, {});
  expect(lines).toMatchObject([{ revision: 1, elementsAdded: 0 }]);
});

test('with level debug each change has a line', () => {
  const { lines, programmed } = logAt('debug');
  programmed(1, { elementsAdded: 1 });
  programmed(2, { elementsAdded: 1 });
  expect(lines.map(({ revision }) => revision)).toEqual([1, 2]);
});
