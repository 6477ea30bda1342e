import { expect, test } from 'vitest';
import { limitReached } from '../../limits/reached.ts';
import type { Finding } from '../../model/finding.ts';
import type { AgentFacts } from '../companion.ts';
import { reachedLimits } from './limits.ts';

const TEN_MINUTES = 600_000;

/** What the companion tells, by a clock of its own, until it tells nothing any more. `during` runs in each sleep. */
async function told(during: (sleeps: number) => 'end' | undefined): Promise<string[][]> {
  const stop = new AbortController();
  const all: string[][] = [];
  let now = 0;
  let sleeps = 0;
  const agent = {
    surroundings: {
      now: () => now,
      sleep: async (milliseconds: number) => {
        now += milliseconds;
        if (during(++sleeps) === 'end') stop.abort();
      },
    },
    findings: {
      give: (_: string, findings: readonly Finding[]) => {
        if (findings.length === 0 && all.length > 0) stop.abort();
        all.push(findings.map(({ message }) => message));
      },
    },
  } as unknown as AgentFacts;
  const companion = reachedLimits(agent);
  const serving = companion.serve?.(stop.signal);
  limitReached('history-changes');
  limitReached('activities');
  await serving;
  return all;
}

test('a limit is told with its remedy, not those that are reached in normal work, and no longer after ten minutes', async () => {
  const all = await told(() => undefined);
  expect(all[0]).toEqual([]);
  expect(all[1]).toEqual([
    expect.stringMatching(
      /^the limit history-changes was reached \(.*: at most 20000 changes\): .*\. Make the disk/,
    ),
  ]);
  expect(all.at(-1)).toEqual([]);
  expect(all.filter((messages) => messages.length > 0).length).toBeGreaterThan(5);
});

test('it goes on while the limit is reached again, with the same words', async () => {
  const all = await told((sleeps) => {
    limitReached('history-changes', 1_000);
    return sleeps * 1_000 > TEN_MINUTES / 20 ? 'end' : undefined;
  });
  expect(new Set(all.slice(1).flat()).size).toBe(1);
  expect(all.slice(1).every((messages) => messages.length === 1)).toBe(true);
});
