import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NftablesDatapath } from '../../src/datapath/nftables/nftables-datapath.ts';
import type { DialOutcome } from '../../src/lab/probe-messages.ts';
import type { NatPlan } from '../../src/plan/nat-plan.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { ip, nodeFacts, service, slice } from '../generators/build.ts';
import { nft } from '../netns/namespace.ts';
import { Stage } from '../netns/stage.ts';

/** New connections per second, as the issue of upgrades asks for. */
const RATE = 200;
const signal = new AbortController().signal;
const clusterIP = ip('10.96.0.10');
const endpoints = [ip('10.244.1.1'), ip('10.244.1.2'), ip('10.244.2.1')];
const client = ip('198.51.100.9');
let stage: Stage;
let plan: NatPlan;

beforeAll(async () => {
  stage = await Stage.build();
  await stage.setUp({
    nodeAddresses: [ip('203.0.113.1')],
    sources: [client],
    targets: endpoints.map((address) => ({ address, protocol: 'TCP' as const, port: 8080 })),
  });
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  planner.apply([
    { kind: 'Service', key: 'shop/web', fact: service() },
    { kind: 'EndpointSlice', key: 'shop/web-1', fact: slice(endpoints) },
  ]);
  plan = planner.update();
  await stage.datapath.converge(plan, signal);
});

afterAll(() => stage.dispose());

/** Dials at the rate until told to stop; gives every outcome. */
function dialOnAndOn(): () => Promise<DialOutcome[]> {
  const dials: Promise<DialOutcome>[] = [];
  const dial = { source: client, address: clusterIP, protocol: 'TCP', port: 80 } as const;
  const timer = setInterval(() => dials.push(stage.dial(dial, 3000)), 1000 / RATE);
  return async () => {
    while (dials.length <= RATE / 2) await sleep(50); // a busy machine dials more slowly
    clearInterval(timer);
    return await Promise.all(dials);
  };
}

test.each([
  ['a set of another version', 'add set ip knat of_another_version { typeof ip saddr; }', 'swapped'],
  ['one family alone', 'delete table ip6 knat', 'swapped'],
  ['a rule of another version', 'add rule ip knat translate counter', 'changed'],
  ['a chain of another version', 'add chain ip6 knat of_another_version', 'changed'],
])(
  '%s is replaced while 200 connections a second arrive: none is lost, none refused',
  async (_, edit, work) => {
    const stop = dialOnAndOn();
    await sleep(300);
    let replaced = 0;
    for (let i = 0; i < 5; i++) {
      nft(edit);
      const fresh = NftablesDatapath.open();
      const { skeleton } = await fresh.converge(plan, signal);
      fresh.close();
      if (skeleton === work) replaced++;
      await sleep(100);
    }
    const outcomes = await stop();
    expect(replaced).toBe(5);
    expect(outcomes.filter(({ outcome }) => outcome !== 'answered')).toEqual([]);
  },
);
