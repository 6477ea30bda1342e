import { expect } from 'vitest';
import { timesReached } from '../../src/limits/reached.ts';
import { type LimitName, limits } from '../../src/limits/table.ts';

/** Runs `reach`, and expects that it reaches the limit. A test of the repository asks for one call for each limit. */
export async function bites<Result>(name: LimitName, reach: () => Result | Promise<Result>): Promise<Result> {
  const before = timesReached(name);
  const result = await reach();
  expect(timesReached(name), `the limit ${name} was not reached`).toBeGreaterThan(before);
  return result;
}

/** The same for a limit that a finding about an object tells of. @param found what the agent found */
export function bitesObject(name: LimitName, found: readonly { readonly code: string }[]): void {
  const { told } = limits[name];
  expect(found.map(({ code }) => code)).toContain(told.by === 'code' ? told.code : 'told by a finding');
}
