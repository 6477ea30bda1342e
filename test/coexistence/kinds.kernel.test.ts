/**
 * A kind of NAT that is off leaves its packets to another program, which decides as if knat did not
 * exist. Each case also runs with the kind on; then knat decides first.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { FactChange } from '../../src/model/facts.ts';
import { defaultPlanOptions, type EnabledKinds } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import {
  ip,
  natEntry,
  nodeFacts,
  pod,
  pool,
  present,
  service,
  servicePort,
  slice,
} from '../generators/build.ts';
import { nft } from '../netns/namespace.ts';
import { type Dialled, Stage } from '../netns/stage.ts';

const signal = new AbortController().signal;
const client = ip('198.51.100.9');
const outside = ip('198.51.100.80');
const clusterIP = ip('10.96.0.10');
const emptyIP = ip('10.96.0.11');
const unusedIP = ip('10.96.0.99');
const endpoint = ip('10.244.1.1');
const boundPod = ip('10.244.1.5');
const anotherPod = ip('10.244.9.9');
const publicIP = ip('203.0.113.7');
const kinds: readonly (keyof EnabledKinds)[] = ['service', 'pod', 'egress'];

const facts: readonly FactChange[] = [
  present('Service', service({ loadBalancerSourceRanges: [] })),
  present('Service', service({ name: 'empty', clusterIPs: [emptyIP], ports: [servicePort(80)] })),
  present('EndpointSlice', slice([String(endpoint)])),
  present('Pod', pod([natEntry()])),
  present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true })),
];

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.build();
  await stage.setUp({
    nodeAddresses: [ip('192.0.2.10'), publicIP],
    sources: [client],
    targets: [
      { address: endpoint, protocol: 'TCP', port: 8080 },
      { address: boundPod, protocol: 'TCP', port: 25 },
      { address: anotherPod, protocol: 'TCP', port: 8080 },
      { address: anotherPod, protocol: 'TCP', port: 25 },
      { address: outside, protocol: 'TCP', port: 80 },
      // A host has Service addresses, as with a service mesh that routes them.
      ...[emptyIP, unusedIP].map((address) => ({ address, protocol: 'TCP' as const, port: 80 })),
    ],
  });
});

afterAll(() => stage.dispose());
afterEach(() => nft('add table ip foreign\ndelete table ip foreign'));

async function enable(enabled: readonly (keyof EnabledKinds)[]): Promise<void> {
  const enable = Object.fromEntries(
    kinds.map((kind) => [kind, enabled.includes(kind)]),
  ) as unknown as EnabledKinds;
  const planner = new Planner(nodeFacts(), { ...defaultPlanOptions, enable });
  planner.apply(facts);
  await stage.datapath.converge(planner.update(), signal);
}

/** Rules of another program, after ours at each hook. */
interface Foreign {
  readonly dnat?: string;
  readonly snat?: string;
  readonly filter?: string;
}

/** A table of another program that sees packets after ours. */
function foreign({ dnat = 'counter', snat = 'counter', filter = 'counter' }: Foreign): void {
  nft(`table ip foreign {
    chain prerouting { type nat hook prerouting priority -90; ${dnat}; }
    chain postrouting { type nat hook postrouting priority 110; ${snat}; }
    chain filtering { type filter hook prerouting priority -80; ${filter}; }
  }`);
}

interface Case extends Foreign {
  readonly kind: keyof EnabledKinds;
  readonly what: string;
  readonly dial: Omit<Dialled, 'protocol'>;
  readonly off: object;
  readonly on: object;
}

const cases: readonly Case[] = [
  {
    kind: 'service',
    what: "another's DNAT and masquerade for a ClusterIP",
    dnat: `ip daddr ${clusterIP} tcp dport 80 dnat to ${anotherPod}:8080`,
    snat: `ct status dnat ip daddr ${anotherPod} masquerade`,
    dial: { source: client, address: clusterIP, port: 80 },
    off: { by: '10.244.9.9:8080', sawSource: expect.stringMatching(/^192\.0\.2\.10:/) },
    on: { by: '10.244.1.1:8080' },
  },
  {
    kind: 'service',
    what: 'a Service without endpoints that another serves',
    dial: { source: client, address: emptyIP, port: 80 },
    off: { by: '10.96.0.11:80', sawSource: expect.stringMatching(/^198\.51\.100\.9:/) },
    on: { outcome: 'refused' },
  },
  {
    kind: 'service',
    what: 'an address of the Service range that another serves',
    dial: { source: client, address: unusedIP, port: 80 },
    off: { by: '10.96.0.99:80' },
    on: { outcome: 'timeout' },
  },
  {
    kind: 'service',
    what: "another's reject for a Service",
    filter: 'tcp dport 80 reject with tcp reset',
    dial: { source: client, address: clusterIP, port: 80 },
    off: { outcome: 'refused' },
    on: { by: '10.244.1.1:8080' },
  },
  {
    kind: 'pod',
    what: "another's DNAT for the bound port",
    dnat: `ip daddr ${publicIP} tcp dport 25 dnat to ${anotherPod}:25`,
    dial: { source: client, address: publicIP, port: 25 },
    off: { by: '10.244.9.9:25' },
    on: { by: '10.244.1.5:25' },
  },
  {
    kind: 'egress',
    what: "another's SNAT for a pool",
    snat: `ip saddr 10.244.0.0/16 snat to ${publicIP}`,
    dial: { source: endpoint, address: outside, port: 80 },
    off: { sawSource: expect.stringMatching(/^203\.0\.113\.7:/) },
    on: { sawSource: expect.stringMatching(/^192\.0\.2\.10:/) },
  },
  {
    kind: 'egress',
    what: 'no program translates the pool',
    dial: { source: endpoint, address: outside, port: 80 },
    off: { sawSource: expect.stringMatching(/^10\.244\.1\.1:/) },
    on: { sawSource: expect.stringMatching(/^192\.0\.2\.10:/) },
  },
];

test.each(cases)('$kind: $what', async ({ kind, dial, off, on, ...rules }) => {
  foreign(rules);
  await enable(kinds.filter((other) => other !== kind));
  expect(await stage.dial({ ...dial, protocol: 'TCP' }, 500)).toMatchObject(off);
  await enable(kinds);
  expect(await stage.dial({ ...dial, protocol: 'TCP' }, 500)).toMatchObject(on);
});

test("pod: another program's SNAT for packets that the pod sends", async () => {
  foreign({ snat: `ip saddr ${boundPod} snat to 192.0.2.10` });
  const dial = { source: boundPod, address: outside, port: 80, protocol: 'TCP' } as const;
  await enable(['service']);
  expect(await stage.dial(dial, 500)).toMatchObject({ sawSource: expect.stringMatching(/^192\.0\.2\.10:/) });
  await enable(['service', 'pod']);
  expect(await stage.dial(dial, 500)).toMatchObject({ sawSource: expect.stringMatching(/^203\.0\.113\.7:/) });
});

/** Names of the sets that only one kind uses. */
const setsOf: Readonly<Record<keyof EnabledKinds, RegExp>> = {
  service: /cluster_ip|service_cidrs|endpoints|many|policy_local|masquerade|restricted|allowed_sources/,
  pod: /bindings|pod_/,
  egress: /egress/,
};

test.each(kinds)('%s off: no element of it is in the kernel', async (kind) => {
  const count = async () => {
    const { elements } = await stage.datapath.inspect(signal);
    return [...elements.keys()].filter((name) => setsOf[kind].test(name));
  };
  await enable(kinds.filter((other) => other !== kind));
  expect(await count()).toEqual([]);
  await enable(kinds);
  expect(await count()).not.toEqual([]);
});
