import { expect, test } from 'vitest';
import type { HostFacts } from '../host-facts.ts';
import { agent } from './others.ts';

const finding = {
  severity: 'warning',
  message: 'Service shop/web: no port',
  remedy: 'add the port',
} as const;

function examined(count: number) {
  const findings = Array.from({ length: count }, () => finding);
  return agent.examine({ agent: { synced: true, failure: null, findings } } as unknown as HostFacts);
}

test('the findings of the agent are listed with their remedies', () => {
  expect(examined(0)).toEqual([]);
  expect(examined(2)).toEqual([finding, finding]);
});

test('of many findings the first ten, and how many there are besides', () => {
  const shown = examined(13);
  expect(shown).toHaveLength(11);
  expect(shown.at(-1)).toMatchObject({ severity: 'warning', message: 'the agent has 3 more findings' });
});
