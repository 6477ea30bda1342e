import fc from 'fast-check';
import type { FactChange } from '../../src/model/facts.ts';
import type { NodeFacts } from '../../src/model/node.ts';
import type { Family } from '../../src/net/family.ts';
import {
  absent,
  cidr,
  egressRuleFact,
  endpoint,
  ip,
  localAddress,
  natEntry,
  nodeFacts,
  pod,
  pool,
  portOf,
  present,
  service,
  servicePort,
  slice,
} from './build.ts';

/**
 * Services that are alike but for one property each, and a change that concerns most of them in the same way: what is
 * shared between Services of one shape must not be shared with one that differs.
 */
export interface AlikeServices {
  readonly node: NodeFacts;
  readonly before: readonly FactChange[];
  readonly changes: readonly FactChange[];
}

/** In what a Service differs from the others. */
const TWISTS = [
  'nothing',
  'nothing',
  'endpoint port',
  'endpoint in another pool',
  'endpoint outside',
  'endpoint on this node',
  'endpoint of a bound pod',
  'endpoint of two families',
  'order of endpoints',
  'external policy Local',
  'internal policy Local',
  'allowed ranges',
  'other allowed ranges',
  'protocol',
  'external address',
  'external address in a pool',
  'node port',
  'no endpoints',
  'affinity',
] as const;
type Twist = (typeof TWISTS)[number];

const SERVICES = 5;
const EXTERNAL = ['198.18.0.', '10.250.9.'] as const;

const CHANGES = [
  'endpoints',
  'last endpoint goes',
  'Services go',
  'policies',
  'a pool comes',
  'a pool goes',
  'a rule comes',
  'a binding comes',
] as const;
type Change = (typeof CHANGES)[number];

/** Addresses of endpoints of a Service: two pods here, one elsewhere. */
function addressesOf(index: number, family: Family, twist: Twist, moved: boolean): string[] {
  const pods = family === 'IPv4' ? '10.244.1.' : 'fd00:244::';
  const others = family === 'IPv4' ? '10.250.1.' : 'fd00:250::';
  const first = 10 + index * 10;
  const last = moved ? first + 5 : first + 3;
  switch (twist) {
    case 'endpoint in another pool':
      return [`${pods}${first}`, `${others}${first + 1}`, `${pods}${last}`];
    case 'endpoint outside':
      return [
        `${pods}${first}`,
        family === 'IPv4' ? `198.51.100.${first}` : `2001:db8:9::${first}`,
        `${pods}${last}`,
      ];
    case 'endpoint on this node':
      return [`${pods}${first}`, family === 'IPv4' ? '192.0.2.10' : '2001:db8::10', `${pods}${last}`];
    case 'endpoint of a bound pod':
      return [`${pods}${first}`, family === 'IPv4' ? '10.244.1.5' : 'fd00:244::5', `${pods}${last}`];
    case 'order of endpoints':
      return [`${pods}${first}`, `${pods}${first + 1}`, `${pods}${moved ? first - 1 : first + 3}`];
    case 'no endpoints':
      return [];
    default:
      return [`${pods}${first}`, `${pods}${first + 1}`, `${pods}${last}`];
  }
}

function oneService(index: number, twist: Twist, local = false) {
  const name = `web-${index}`;
  const external =
    twist === 'external address' ? EXTERNAL[0] : twist === 'external address in a pool' ? EXTERNAL[1] : null;
  const nodePort = twist === 'node port' ? portOf(30_080 + index) : null;
  return service({
    name,
    uid: `uid-${name}`,
    clusterIPs: [ip(`10.96.0.${20 + index}`), ip(`fd00:96::${20 + index}`)],
    externalIPs: external === null ? [] : [ip(`${external}${index + 1}`)],
    ports: [
      servicePort(80, {
        protocol: twist === 'protocol' ? 'UDP' : 'TCP',
        nodePort,
      }),
    ],
    externalTrafficPolicy: local || twist === 'external policy Local' ? 'Local' : 'Cluster',
    internalTrafficPolicy: twist === 'internal policy Local' ? 'Local' : 'Cluster',
    loadBalancerIPs: twist.endsWith('allowed ranges') ? [ip(`198.18.1.${index + 1}`)] : [],
    loadBalancerSourceRanges:
      twist === 'allowed ranges'
        ? [cidr('10.244.1.0/24')]
        : twist === 'other allowed ranges'
          ? [cidr('10.244.1.0/27'), cidr('198.51.100.0/24')]
          : null,
    affinityTimeoutSeconds: twist === 'affinity' ? 10 : null,
  });
}

function slicesOf(index: number, twist: Twist, moved: boolean, count = 3): FactChange[] {
  const port = twist === 'endpoint port' ? 9090 : 8080;
  const families: readonly Family[] = ['IPv4', 'IPv6'];
  return families.map((family) => {
    const addresses = addressesOf(index, family, twist, moved).slice(0, count);
    const endpoints = addresses.map((address, place) =>
      endpoint(address, { nodeName: place === 0 ? 'node-a' : 'node-b' }),
    );
    const fact = slice(endpoints, {
      name: `web-${index}-${family}`,
      serviceName: `web-${index}`,
      family,
      ports: [
        {
          name: '',
          protocol: twist === 'protocol' ? 'UDP' : 'TCP',
          port: portOf(port),
        },
      ],
    });
    return present('EndpointSlice', fact);
  });
}

const pods = pool('pods', '10.244.0.0/16', { natOutgoing: true });
const rule = egressRuleFact({
  name: 'partner',
  action: 'Masquerade',
  to: [
    { cidr: cidr('198.51.100.0/24'), protocol: null, ports: null },
    {
      cidr: cidr('10.250.0.0/16'),
      protocol: 'TCP',
      ports: { first: 9000, last: 9999 },
    },
    {
      cidr: cidr('10.244.1.0/27'),
      protocol: 'TCP',
      ports: { first: 8080, last: 8080 },
    },
    { cidr: cidr('2001:db8:9::/64'), protocol: null, ports: null },
  ],
});
const bound = pod([natEntry({ interfaceAuto: false, sourceIP: ip('192.0.2.10') })], {
  nodeName: 'node-a',
  ips: ['10.244.1.5', 'fd00:244::5'].map(ip),
});

function changesOf(change: Change, twists: readonly Twist[]): readonly FactChange[] {
  const each = (of: (index: number, twist: Twist) => readonly FactChange[]) =>
    twists.flatMap((twist, index) => of(index, twist));
  switch (change) {
    case 'endpoints':
      return each((index, twist) => slicesOf(index, twist, true));
    case 'last endpoint goes':
      return each((index, twist) => slicesOf(index, twist, false, 2));
    case 'Services go':
      return each((index) => [absent('Service', `shop/web-${index}`)]);
    case 'policies':
      return each((index, twist) => [present('Service', oneService(index, twist, true))]);
    case 'a pool comes':
      return [present('IPPool', pool('others', '10.250.0.0/16', { natOutgoing: true }))];
    case 'a pool goes':
      return [absent('IPPool', 'pods')];
    case 'a rule comes':
      return [present('EgressRule', rule)];
    case 'a binding comes':
      return [present('Pod', bound)];
    default:
      return change satisfies never;
  }
}

export const alikeServices: fc.Arbitrary<AlikeServices> = fc
  .record({
    twists: fc.array(fc.constantFrom(...TWISTS), {
      minLength: SERVICES,
      maxLength: SERVICES,
    }),
    changes: fc.subarray([...CHANGES], { minLength: 1, maxLength: 2 }),
    background: fc.subarray(['pods', 'rule', 'bound', 'v6'] as const),
    masqueradeAll: fc.boolean(),
    podCIDRs: fc.constantFrom(['10.244.0.0/16', 'fd00:244::/48'], []),
  })
  .map(({ twists, changes, background, masqueradeAll, podCIDRs }) => ({
    node: nodeFacts({
      nodeName: 'node-a',
      nodeIPs: ['192.0.2.10', '2001:db8::10'].map(ip),
      localAddresses: ['192.0.2.10', '2001:db8::10'].map((address) => localAddress(address)),
      podCIDRs: podCIDRs.map(cidr),
      serviceCIDRs: ['10.96.0.0/16', 'fd00:96::/112'].map(cidr),
      masqueradeAll,
    }),
    before: [
      ...twists.flatMap((twist, index) => [
        present('Service', oneService(index, twist)),
        ...slicesOf(index, twist, false),
      ]),
      ...(background.includes('pods') ? [present('IPPool', pods)] : []),
      ...(background.includes('rule') ? [present('EgressRule', rule)] : []),
      ...(background.includes('bound') ? [present('Pod', bound)] : []),
      ...(background.includes('v6')
        ? [present('IPPool', pool('pods-v6', 'fd00:244::/48', { natOutgoing: true }))]
        : []),
    ],
    changes: changes.flatMap((change) => changesOf(change, twists)),
  }));
