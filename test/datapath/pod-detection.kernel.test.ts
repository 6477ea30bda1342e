/** kube-proxy's four ways to tell a pod, with real packets: who is masqueraded, and whom policy Local binds. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { composeNodeFacts } from '../../src/agent/node-facts.ts';
import { walk } from '../../src/explain/walk.ts';
import type { DialOutcome } from '../../src/lab/probe-messages.ts';
import type { FactChange } from '../../src/model/facts.ts';
import type { IpAddress } from '../../src/net/address.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import type { NodeConfig } from '../../src/sources/objects/node-config.ts';
import {
  cidr,
  endpoint,
  ip,
  localAddress,
  nodeObject,
  pod,
  pool,
  portOf,
  present,
  service,
  servicePort,
  slice,
} from '../generators/build.ts';
import { Stage } from '../netns/stage.ts';

const families = {
  IPv4: {
    clusterIP: ip('10.96.0.10'),
    externalIP: ip('192.0.2.50'),
    endpoint: ip('10.244.2.1'),
    /** In the cluster's pod range, in this node's, and in none. All come in by `cni0`. */
    pods: { cluster: ip('10.244.7.7'), own: ip('10.244.1.7'), none: ip('172.20.0.7') },
    node: ip('192.0.2.10'),
    client: ip('198.51.100.9'),
  },
  IPv6: {
    clusterIP: ip('fd00:96::a'),
    externalIP: ip('2001:db8::50'),
    endpoint: ip('fd00:244:2::1'),
    pods: { cluster: ip('fd00:244:7::7'), own: ip('fd00:244:1::7'), none: ip('2001:db8:7::7') },
    node: ip('2001:db8::10'),
    client: ip('2001:db8:9::9'),
  },
} as const;
const all = Object.values(families);
const clusterCIDRs = [cidr('10.244.0.0/16'), cidr('fd00:244::/32')];
const node = {
  ...nodeObject('node-a', ['192.0.2.10', '2001:db8::10']),
  podCIDRs: [cidr('10.244.1.0/24'), cidr('fd00:244:1::/48')],
};
const interfaces = [localAddress('192.0.2.10'), localAddress('2001:db8::10')];

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.build();
  await stage.setUp({
    nodeAddresses: all.map((family) => family.node),
    sources: all.map((family) => family.client),
    // The pods are among the targets, so that they live behind the interface `cni0`.
    targets: all.flatMap(({ endpoint, pods }) =>
      [endpoint, ...Object.values(pods)].map((address) => ({
        address,
        protocol: 'TCP' as const,
        port: 8080,
      })),
    ),
  });
});

afterAll(() => stage.dispose());

type Who = 'cluster' | 'own' | 'none' | 'client' | 'node';
type Seen = 'source kept' | 'masqueraded' | 'dropped';

/** What becomes of the dial. A masqueraded source has another port, also where it has the same address. */
function seen(outcome: DialOutcome): Seen {
  if (outcome.outcome === 'timeout') return 'dropped';
  if (outcome.outcome !== 'answered') throw new Error(JSON.stringify(outcome));
  return outcome.sawSource === outcome.from ? 'source kept' : 'masqueraded';
}

/** Cluster-wide pools, as of Calico, and a Pod of this node whose address lies in none. */
const objects = [
  present('IPPool', pool('pods', '10.244.0.0/16')),
  present('IPPool', pool('pods-6', 'fd00:244::/32')),
  present('IPPool', pool('no-nat', '198.51.100.0/24', { disabled: true })),
  present('IPPool', pool('tunnels', '192.0.2.0/24', { noWorkloads: true })),
  present('Pod', pod([], { ips: all.map(({ pods }) => pods.none), nat: null })),
];

const modes: [string, NodeConfig, readonly Who[], (readonly FactChange[])?][] = [
  ['no mode: IPPools and Pods too', {}, ['own', 'cluster', 'none'], objects],
  ['pod CIDRs of the configuration, and nothing else', { podCIDRs: node.podCIDRs }, ['own'], objects],
  ['NodeCIDR: Pods too, and no IPPools', { detectLocalMode: 'NodeCIDR' }, ['own', 'none'], objects],
  [
    'ClusterCIDR, and nothing else',
    { detectLocalMode: 'ClusterCIDR', podCIDRs: clusterCIDRs },
    ['own', 'cluster'],
    objects,
  ],
  ['no mode: the pod CIDRs of the Node', {}, ['own']],
  ['NodeCIDR', { detectLocalMode: 'NodeCIDR', podCIDRs: clusterCIDRs }, ['own']],
  ['ClusterCIDR', { detectLocalMode: 'ClusterCIDR', podCIDRs: clusterCIDRs }, ['own', 'cluster']],
  [
    'BridgeInterface',
    { detectLocalMode: 'BridgeInterface', podBridgeInterface: 'cni0' },
    ['own', 'cluster', 'none'],
  ],
  ['BridgeInterface of another name', { detectLocalMode: 'BridgeInterface', podBridgeInterface: 'cni' }, []],
  [
    'InterfaceNamePrefix',
    { detectLocalMode: 'InterfaceNamePrefix', podInterfaceNamePrefix: 'cni' },
    ['own', 'cluster', 'none'],
  ],
  [
    'InterfaceNamePrefix of another',
    { detectLocalMode: 'InterfaceNamePrefix', podInterfaceNamePrefix: 'ni0' },
    [],
  ],
];

test.each(
  modes.flatMap(([mode, config, arePods, others = []]) =>
    (['IPv4', 'IPv6'] as const).map((family) => [mode, family, config, arePods, others] as const),
  ),
)('%s, %s', async (_, name, config, arePods, others) => {
  const family = families[name];
  const facts = composeNodeFacts('node-a', node, config, interfaces);
  const planner = new Planner(facts, defaultPlanOptions);
  planner.apply([
    ...others,
    present(
      'Service',
      service({
        clusterIPs: all.map(({ clusterIP }) => clusterIP),
        externalIPs: all.map(({ externalIP }) => externalIP),
        externalTrafficPolicy: 'Local',
        ports: [servicePort(80)],
      }),
    ),
    ...all.map(({ endpoint: address }, index) =>
      present('EndpointSlice', slice([endpoint(address, { nodeName: 'node-b' })], { name: `web-${index}` })),
    ),
  ]);
  const plan = planner.update();
  await stage.datapath.converge(plan, new AbortController().signal);
  const addresses: Record<Who, IpAddress> = { ...family.pods, client: family.client, node: family.node };
  for (const [who, source] of Object.entries(addresses) as [Who, IpAddress][]) {
    for (const [address, others] of [
      [family.clusterIP, 'masqueraded'],
      // Without an endpoint here, policy Local leaves nothing for those who are neither pod nor node.
      [family.externalIP, who === 'node' ? 'masqueraded' : 'dropped'],
    ] as const) {
      const outcome = await stage.dial({ source, address, protocol: 'TCP', port: 80 }, 400);
      const told = arePods.includes(who) ? 'source kept' : others;
      expect([who, address, seen(outcome)]).toEqual([who, address, told]);
      const by = stage.inputInterface(source);
      const packet = { source, destination: address, protocol: 'TCP' as const, port: portOf(80) };
      const { verdict, paths } = walk(
        plan,
        facts,
        by === undefined ? packet : { ...packet, inputInterface: by },
      );
      const foretold =
        verdict === 'drop' ? 'dropped' : paths[0]?.snat === null ? 'source kept' : 'masqueraded';
      expect([who, address, foretold]).toEqual([who, address, told]);
    }
  }
});

/** Enough for a client that is led anew at each dial to meet another of three endpoints. */
const DIALS = 12;

test.each(
  modes.flatMap(([mode, config, arePods, others = []]) =>
    (['IPv4', 'IPv6'] as const).map((family) => [mode, family, config, arePods, others] as const),
  ),
)('%s, %s: session affinity with policy Local', async (_, name, config, arePods, others) => {
  const { externalIP, clusterIP, endpoint: remote, pods, client } = families[name];
  const planner = new Planner(composeNodeFacts('node-a', node, config, interfaces), defaultPlanOptions);
  const local = pods.own;
  const endpoints = [
    endpoint(remote, { nodeName: 'node-b' }),
    endpoint(pods.cluster, { nodeName: 'node-b' }),
    endpoint(local, { nodeName: 'node-a' }),
  ];
  planner.apply([
    ...others,
    present(
      'Service',
      service({
        clusterIPs: [clusterIP],
        externalIPs: [externalIP],
        externalTrafficPolicy: 'Local',
        affinityTimeoutSeconds: 10_800,
        ports: [servicePort(80)],
      }),
    ),
    present('EndpointSlice', slice(endpoints, { family: name })),
  ]);
  await stage.datapath.remove(new AbortController().signal); // nobody is remembered
  await stage.datapath.converge(planner.update(), new AbortController().signal);
  for (const [who, source] of [
    ['none', pods.none],
    ['client', client],
  ] as const) {
    const answers = new Set<string>();
    for (let i = 0; i < DIALS; i++) {
      const outcome = await stage.dial({ source, address: externalIP, protocol: 'TCP', port: 80 }, 3000);
      answers.add(outcome.outcome === 'answered' ? outcome.by : outcome.outcome);
    }
    expect([...answers], who).toHaveLength(1);
    if (!arePods.includes(who)) expect([...answers][0]).toContain(local);
  }
});
