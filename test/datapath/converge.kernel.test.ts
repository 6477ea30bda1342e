import { execFileSync } from 'node:child_process';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { NftablesDatapath } from '../../src/datapath/nftables/nftables-datapath.ts';
import type { EndpointFact } from '../../src/model/endpoint-slice.ts';
import type { Family } from '../../src/net/family.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import {
  cidr,
  endpoint,
  ip,
  localAddress,
  nodeFacts,
  portOf,
  service,
  servicePort,
  slice,
} from '../generators/build.ts';
import { enterFreshNamespace, nft } from '../netns/namespace.ts';

const node = nodeFacts({
  nodeName: 'a',
  nodeIPs: [ip('203.0.113.1'), ip('2001:db8::1')],
  localAddresses: [localAddress('203.0.113.1'), localAddress('2001:db8::1')],
  podCIDRs: [cidr('10.244.0.0/16'), cidr('fd00:10:244::/48')],
  serviceCIDRs: [cidr('10.96.0.0/16'), cidr('fd00:10:96::/112')],
});

const web = service({
  clusterIPs: [ip('10.96.0.10'), ip('fd00:10:96::a')],
  loadBalancerIPs: [ip('198.51.100.5')],
  loadBalancerSourceRanges: [cidr('203.0.113.0/24'), cidr('192.0.2.0/25')],
  ports: [servicePort(80, { nodePort: portOf(30080) })],
  externalTrafficPolicy: 'Local',
});

function endpointsOf(count: number, family: Family): EndpointFact[] {
  return Array.from({ length: count }, (_, i) => {
    const address = family === 'IPv4' ? `10.244.1.${i + 1}` : `fd00:10:244::${(i + 1).toString(16)}`;
    return endpoint(address, { nodeName: i === 0 ? 'a' : 'b' });
  });
}

const signal = new AbortController().signal;
let datapath: NftablesDatapath;
let planner: Planner;

function applySlice(count: number, family: Family = 'IPv4'): void {
  const fact = slice(endpointsOf(count, family), { name: `web-${family}`, family });
  planner.apply([{ kind: 'EndpointSlice', key: `shop/${fact.name}`, fact }]);
}

beforeAll(() => {
  enterFreshNamespace();
});

beforeEach(() => {
  datapath = NftablesDatapath.open();
  planner = new Planner(node, defaultPlanOptions);
  planner.apply([{ kind: 'Service', key: 'shop/web', fact: web }]);
  applySlice(3);
  applySlice(2, 'IPv6');
});

afterEach(async () => {
  await datapath.remove(signal);
  datapath.close();
});

/** All that the kernel has, as nft prints it, sets sorted. */
function listing(): string {
  return execFileSync('nft', ['-s', 'list', 'ruleset'], { encoding: 'utf8' });
}

test('the first converge loads, the second writes nothing', async () => {
  const first = await datapath.converge(planner.update(), signal);
  expect(first.skeleton).toBe('loaded');
  expect(first.elementsDeleted).toBe(0);
  expect(listing()).toContain('10.96.0.10 . tcp . 80 . 2 : 10.244.1.');
  const second = await datapath.converge(planner.update(), signal);
  expect(second).toMatchObject({ skeleton: 'kept', elementsAdded: 0, elementsDeleted: 0 });
});

test('a restarted agent takes over the existing elements and writes nothing', async () => {
  for (const count of [3, 4, 9, 5, 4]) {
    applySlice(count);
    await datapath.converge(planner.update(), signal);
  }
  const restarted = NftablesDatapath.open();
  const report = await restarted.converge(planner.update(), signal);
  restarted.close();
  expect(report).toMatchObject({ skeleton: 'kept', elementsAdded: 0, elementsDeleted: 0 });
});

test('one endpoint more or less writes its own elements, incrementally as from scratch', async () => {
  for (const count of [3, 2, 1, 0, 1, 5, 6, 8, 9, 17, 16, 4, 3]) {
    applySlice(count);
    await datapath.converge(planner.update(), signal);
    const fresh = NftablesDatapath.open();
    const check = await fresh.converge(planner.update(), signal);
    fresh.close();
    expect(check, `${count} endpoints`).toMatchObject({
      skeleton: 'kept',
      elementsAdded: 0,
      elementsDeleted: 0,
    });
  }
  applySlice(9);
  await datapath.converge(planner.update(), signal);
  applySlice(10);
  const grown = await datapath.converge(planner.update(), signal);
  // The ClusterIP, the load balancer and the NodePort, one slot each.
  expect(grown).toMatchObject({ elementsAdded: 3, elementsDeleted: 0 });
});

test.each([
  ['nft flush ruleset', () => nft('flush ruleset')],
  ['nft delete table', () => nft('delete table ip knat')],
  ['a rule added by hand', () => nft('add rule ip knat services accept')],
  ['a chain flushed by hand', () => nft('flush chain ip6 knat postrouting_nat')],
  ['an element deleted by hand', () => nft('delete element ip knat cluster_ips { 10.96.0.10 }')],
  ['an element added by hand', () => nft('add element ip6 knat cluster_ips { fd00::1 }')],
  ['a range deleted by hand', () => nft('delete element ip knat pods { 10.244.0.0/16 }')],
])('heals after %s', async (_, harm) => {
  await datapath.converge(planner.update(), signal);
  const before = listing();
  harm();
  expect(listing()).not.toBe(before);
  const restarted = NftablesDatapath.open();
  const report = await restarted.converge(planner.update(), signal);
  expect(report).not.toMatchObject({ skeleton: 'kept', elementsAdded: 0, elementsDeleted: 0 });
  expect(await restarted.converge(planner.update(), signal)).toMatchObject({
    elementsAdded: 0,
    elementsDeleted: 0,
  });
  restarted.close();
  expect(listing()).toBe(before);
});

test('a preview in between sees a rule edited by hand, names owners, and changes nothing', async () => {
  await datapath.converge(planner.update(), signal);
  const plan = planner.plan;
  expect(await datapath.preview(plan, signal)).toEqual({
    skeleton: 'kept',
    changes: [],
  });
  nft('delete element ip knat cluster_ips { 10.96.0.10 }');
  nft('add element ip knat cluster_ips { 10.96.0.77 }');
  const edited = listing();
  expect((await datapath.preview(plan, signal)).changes).toEqual([
    { what: 'delete', element: 'ip knat cluster_ips { 10.96.0.77 }', key: null, owner: null },
    {
      what: 'add',
      element: 'ip knat cluster_ips { 10.96.0.10 }',
      key: 'cluster-ip 10.96.0.10',
      owner: { kind: 'Service', namespace: 'shop', name: 'web' },
    },
  ]);
  nft('add rule ip knat services accept');
  expect(await datapath.preview(plan, signal)).toMatchObject({ skeleton: 'changed' });
  nft('flush chain ip knat services');
  expect(listing()).not.toBe(edited);
  // A preview is no converge: the next reading still finds all of it.
  const restarted = NftablesDatapath.open();
  expect(await restarted.converge(plan, signal)).toMatchObject({ skeleton: 'changed' });
  restarted.close();
});

test('previews do not get into the way of converges that run meanwhile', async () => {
  await datapath.converge(planner.update(), signal);
  const previews: Promise<unknown>[] = [];
  for (const count of [4, 5, 6, 3]) {
    previews.push(datapath.preview(planner.plan, signal));
    applySlice(count);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await datapath.converge(planner.update(), signal)).toMatchObject({ compared: 'changes' });
  }
  await Promise.all(previews);
  expect(await datapath.preview(planner.plan, signal)).toMatchObject({ changes: [] });
});
