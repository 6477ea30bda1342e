/** A timeout of session affinity has chains of its own: they come and go with those who use them, and nothing else moves. */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { NftablesDatapath } from '../../src/datapath/nftables/nftables-datapath.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { NftablesConnection } from '../../src/wire/nftables/connection.ts';
import { ip, nodeFacts, service, slice } from '../generators/build.ts';
import { enterFreshNamespace, listRuleset } from '../netns/namespace.ts';

const signal = new AbortController().signal;
const SERVICES = 50;
/** Elements of a Service with one port and one endpoint that has session affinity. */
const FEW = 10;
let datapath: NftablesDatapath;
let planner: Planner;

beforeAll(() => {
  enterFreshNamespace();
  datapath = NftablesDatapath.open();
});

afterAll(() => datapath.close());

beforeEach(async () => {
  await datapath.remove(signal);
  planner = new Planner(nodeFacts(), defaultPlanOptions);
  for (let i = 0; i < SERVICES; i++) add(i, null);
  await datapath.converge(planner.update(), signal);
});

function add(index: number, affinityTimeoutSeconds: number | null): void {
  const name = `s${index}`;
  const fact = service({ name, clusterIPs: [ip(`10.96.1.${index}`)], affinityTimeoutSeconds });
  planner.apply([
    { kind: 'Service', key: `shop/${name}`, fact },
    {
      kind: 'EndpointSlice',
      key: `shop/${name}-1`,
      fact: slice(['10.244.1.1'], { serviceName: name, name: `${name}-1` }),
    },
  ]);
}

function chains(): string[] {
  return [...listRuleset().matchAll(/chain (affinity_\d+s) /g)].map(([, name]) => name ?? '');
}

async function converge() {
  const reading = vi.spyOn(NftablesConnection.prototype, 'elements');
  try {
    const report = await datapath.converge(planner.update(), signal);
    expect(reading).not.toHaveBeenCalled();
    return report;
  } finally {
    reading.mockRestore();
  }
}

async function expectAsFromScratch(): Promise<void> {
  const fresh = NftablesDatapath.open();
  const nothing = { skeleton: 'kept', elementsAdded: 0, elementsDeleted: 0 };
  expect(await fresh.converge(planner.update(), signal)).toMatchObject(nothing);
  fresh.close();
}

test('the first, another, a changed and the last timeout cost the elements of their Service', async () => {
  for (const [timeouts, expected] of [
    [[10_800], 'changed'],
    [[10_800, 600], 'changed'],
    [[10_800, 30], 'changed'],
    [[10_800, 10_800], 'changed'],
    [[10_800, 10_795], 'kept'],
    [[null, 10_800], 'kept'],
    [[null, null], 'changed'],
  ] as const) {
    for (const [index, timeout] of timeouts.entries()) add(index, timeout);
    const { skeleton, elementsAdded, elementsDeleted } = await converge();
    expect([timeouts, skeleton]).toEqual([timeouts, expected]);
    expect(elementsAdded).toBeLessThanOrEqual(FEW);
    expect(elementsDeleted).toBeLessThanOrEqual(FEW);
    const kept = timeouts
      .filter((timeout) => timeout !== null)
      .map((timeout) => (timeout === 10_795 ? 10_800 : timeout));
    expect(chains().sort()).toEqual(
      [...new Set(kept)].flatMap((one) => Array(2).fill(`affinity_${one}s`)).sort(),
    );
    await expectAsFromScratch();
  }
});

test('a Service that goes takes the chains of its timeout along', async () => {
  add(0, 20);
  await converge();
  planner.apply([{ kind: 'Service', key: 'shop/s0', fact: null }]);
  expect(await converge()).toMatchObject({ skeleton: 'changed' });
  expect(listRuleset()).not.toContain('chain affinity_');
  await expectAsFromScratch();
});

test('many different timeouts at once have a bounded number of chains', async () => {
  for (let i = 0; i < SERVICES; i++) add(i, 40_000 + 7 * i);
  await converge();
  expect(chains()).toEqual(['affinity_40200s', 'affinity_40800s', 'affinity_40200s', 'affinity_40800s']);
  await expectAsFromScratch();
});
