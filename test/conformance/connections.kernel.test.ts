/**
 * Random histories of Services, with open connections: after each step the kernel equals a fresh start, and no
 * TCP connection breaks or stalls, whatever happens to its Service.
 *
 * `KNAT_CONNECTION_RUNS` is the number of histories. A failure is shrunk for a while and printed with its seed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FlowChangeNotes } from '../../src/datapath/conntrack/flow-changes.ts';
import { StaleFlowCleaner } from '../../src/datapath/conntrack/stale-flow-cleaner.ts';
import { NftablesDatapath } from '../../src/datapath/nftables/nftables-datapath.ts';
import { walk } from '../../src/explain/walk.ts';
import type { HoldReport } from '../../src/lab/probe-messages.ts';
import { familyOf, formatEndpoint } from '../../src/net/address.ts';
import type { NatPlan } from '../../src/plan/nat-plan.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { ip, nodeFacts } from '../generators/build.ts';
import {
  BEGINNING,
  ENDPOINTS,
  factOf,
  type ObjectChange,
  objectChange,
  TARGETS,
} from '../generators/service-life.ts';
import { shrinkFor } from '../generators/shrink-for.ts';
import { type Dialled, Stage, type Target } from '../netns/stage.ts';

const runs = Number(process.env.KNAT_CONNECTION_RUNS ?? 3);
const SHRINK_MS = 40_000;
/** New connections after each step, and the milliseconds between two messages of each open one. */
const NEW = 4;
const EVERY_MS = 20;
/** How long they continue after the last step, and how many answers may be late on a busy machine. */
const LAST_MS = 600;
const LATE = 10;

const node = nodeFacts();
const clients = { IPv4: ip('198.51.100.9'), IPv6: ip('2001:db8:9::9') };
const signal = new AbortController().signal;
let stage: Stage;
let cleaner: StaleFlowCleaner;
/** Connections opened in all runs; the test fails if there were none. */
let opened = 0;

beforeAll(async () => {
  stage = await Stage.build();
  cleaner = new StaleFlowCleaner();
});

afterAll(() => {
  cleaner?.close();
  stage?.dispose();
});

test(
  'random lives of Services: the kernel is as from scratch, and no connection breaks',
  async () => {
    const lives = fc
      .record({
        beginning: fc.constantFrom([BEGINNING], [BEGINNING], []),
        steps: fc.array(fc.array(objectChange, { minLength: 1, maxLength: 4 }), {
          minLength: 2,
          maxLength: 10,
          size: 'max',
        }),
      })
      .map(({ beginning, steps }) => [...beginning, ...steps]);
    await fc.assert(fc.asyncProperty(lives, shrinkFor(SHRINK_MS, breaksNothing)), { numRuns: runs });
    console.info(`${opened} connections were held`);
    expect(opened).toBeGreaterThan(8 * runs);
  },
  runs * 15_000 + SHRINK_MS + 60_000,
);

interface Held {
  readonly name: string;
  readonly release: () => Promise<HoldReport>;
}

async function breaksNothing(steps: readonly (readonly ObjectChange[])[]): Promise<void> {
  await stage.setUp({
    nodeAddresses: node.localAddresses.map(({ address }) => address),
    sources: Object.values(clients),
    targets: Object.values(ENDPOINTS).flatMap((addresses) =>
      addresses.flatMap((address) =>
        TARGETS.map((port): Target => ({ address: ip(address), protocol: 'TCP', port, echo: true })),
      ),
    ),
  });
  await stage.datapath.remove(signal);
  const planner = new Planner(node, defaultPlanOptions);
  const notes = new FlowChangeNotes();
  let revision: number | null = null;
  const held: Held[] = [];
  let reports: (HoldReport & { name: string })[] = [];
  try {
    for (const [index, step] of steps.entries()) {
      planner.apply(step.map(factOf));
      const plan = planner.update();
      const changed = revision === null ? null : plan.changedSince(revision);
      notes.note(plan, changed, await stage.datapath.converge(plan, signal), []);
      revision = plan.revision;
      const changes = notes.take();
      if (changes !== null) await cleaner.clean(plan, changes);
      await expectFromScratch(plan, index);
      held.push(...(await openSome(plan, index)));
      await sleep(3 * EVERY_MS); // each has spoken in this state
    }
    await sleep(LAST_MS);
  } finally {
    reports = await Promise.all(held.map(async ({ name, release }) => ({ name, ...(await release()) })));
  }
  opened += held.length;
  for (const report of reports) {
    const { ended, sent, answers } = report;
    expect({ ended, unanswered: sent - answers }, report.name).toSatisfy(isUnbroken);
  }
}

function isUnbroken({ ended, unanswered }: { ended: string | null; unanswered: number }): boolean {
  return ended === null && unanswered <= LATE;
}

/** Checks that a new datapath reads the kernel and writes nothing. */
async function expectFromScratch(plan: NatPlan, index: number): Promise<void> {
  const fresh = NftablesDatapath.open();
  try {
    const nothing = { skeleton: 'kept', elementsAdded: 0, elementsDeleted: 0 };
    expect(await fresh.converge(plan, signal), `step ${index}`).toMatchObject(nothing);
  } finally {
    fresh.close();
  }
}

/** Connections over frontends that have an endpoint for the client: other ones at each step. */
async function openSome(plan: NatPlan, index: number): Promise<Held[]> {
  const ways = [...plan.entries()].flatMap((entry): Dialled[] => {
    if (entry.kind !== 'ServiceFrontend' || entry.tuple.protocol !== 'TCP') return [];
    const { address, protocol, port } = entry.tuple;
    const source = clients[familyOf(address)];
    const { verdict } = walk(plan, node, { source, destination: address, protocol, port });
    return verdict === 'dnat' ? [{ source, address, protocol, port }] : [];
  });
  const chosen = ways.filter((_, at) => (at + index) % Math.ceil(ways.length / NEW) === 0);
  return await Promise.all(
    chosen.map(async (way) => ({
      name: `opened at step ${index} to ${formatEndpoint(way.address, way.port)}`,
      release: await stage.hold(way, EVERY_MS),
    })),
  );
}
