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

/** In what a Service may differ from the others. */
const TWISTS = [
  'endpoint port',
  'endpoint in another pool',
  'endpoint outside',
  'endpoint on this node',
  'endpoint of a bound pod',
  'order of endpoints',
  'no endpoint here',
  'no endpoints',
  'external policy Local',
  'internal policy Local',
  'allowed ranges',
  'other allowed ranges',
  'protocol',
  'external address',
  'external address in a pool',
  'node port',
  'affinity',
] as const;
type Twist = (typeof TWISTS)[number];
type Twists = ReadonlySet<Twist>;

const SERVICES = 8;
/** Of these, so many are alike. */
const ALIKE = 3;

const CHANGES = [
  'endpoints',
  'last endpoint goes',
  'Services go',
  'some Services go, others lose their port',
  'policies',
  'a pool comes',
  'a pool goes',
  'a rule comes',
  'a binding comes',
] as const;
type Change = (typeof CHANGES)[number];

const POD = { IPv4: '10.244.1.', IPv6: 'fd00:244::' } as const;

/** The first endpoint, the lowest address, so that all Services have their endpoints in one order. */
function firstAddress(index: number, family: Family, twists: Twists): string {
  const [four, six] = twists.has('endpoint in another pool')
    ? [`10.1.1.${index + 1}`, `fd00:1::${index + 1}`]
    : twists.has('endpoint outside')
      ? [`9.9.9.${index + 1}`, `2001:db8:9::${index + 1}`]
      : twists.has('endpoint on this node')
        ? ['10.0.0.10', '2001:db8::10']
        : twists.has('endpoint of a bound pod')
          ? ['10.244.1.5', 'fd00:244::5']
          : [`${POD.IPv4}${10 + index * 10}`, `${POD.IPv6}${10 + index * 10}`];
  return family === 'IPv4' ? four : six;
}

function addressesOf(index: number, family: Family, twists: Twists, moved: boolean): string[] {
  if (twists.has('no endpoints')) return [];
  const base = 10 + index * 10;
  const last = twists.has('order of endpoints') && moved ? base + 1 : moved ? base + 5 : base + 3;
  const others = [base + 2, last].map((number) => POD[family] + number);
  return [firstAddress(index, family, twists), ...others];
}

function oneService(index: number, twists: Twists, rest: { local?: boolean; port?: number } = {}) {
  const { local = twists.has('external policy Local'), port = 80 } = rest;
  const name = `web-${index}`;
  const externalIPs = [
    ...(twists.has('external address') ? [`198.18.0.${index + 1}`] : []),
    ...(twists.has('external address in a pool') ? [`10.1.9.${index + 1}`] : []),
  ];
  const protocol = twists.has('protocol') ? 'UDP' : 'TCP';
  return service({
    name,
    uid: `uid-${name}`,
    clusterIPs: [ip(`10.96.0.${20 + index}`), ip(`fd00:96::${20 + index}`)],
    externalIPs: externalIPs.map(ip),
    ports: [
      servicePort(port, { protocol, nodePort: twists.has('node port') ? portOf(30_080 + index) : null }),
    ],
    externalTrafficPolicy: local ? 'Local' : 'Cluster',
    internalTrafficPolicy: twists.has('internal policy Local') ? 'Local' : 'Cluster',
    loadBalancerIPs: [ip(`198.18.1.${index + 1}`)],
    loadBalancerSourceRanges: twists.has('other allowed ranges')
      ? [cidr('10.244.1.0/24'), cidr('198.51.100.0/24')]
      : twists.has('allowed ranges')
        ? [cidr('10.244.1.0/24')]
        : null,
    affinityTimeoutSeconds: twists.has('affinity') ? 10 : null,
  });
}

function slicesOf(index: number, twists: Twists, moved: boolean, count = 3): FactChange[] {
  const families: readonly Family[] = ['IPv4', 'IPv6'];
  return families.map((family) => {
    const addresses = addressesOf(index, family, twists, moved).slice(0, count);
    const here = twists.has('no endpoint here') ? 'node-b' : 'node-a';
    const endpoints = addresses.map((address, place) =>
      endpoint(address, { nodeName: place === 0 ? here : 'node-b' }),
    );
    const protocol = twists.has('protocol') ? 'UDP' : 'TCP';
    const port = portOf(twists.has('endpoint port') ? 9090 : 8080);
    const ports = [{ name: '', protocol, port } as const];
    const name = `web-${index}`;
    return present(
      'EndpointSlice',
      slice(endpoints, { name: `${name}-${family}`, serviceName: name, family, ports }),
    );
  });
}

const pods = pool('pods', '10.244.0.0/16', { natOutgoing: true });
const rule = egressRuleFact({
  name: 'partner',
  action: 'Masquerade',
  to: [
    { cidr: cidr('9.0.0.0/8'), protocol: null, ports: null },
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

function changesOf(change: Change, all: readonly Twists[]): readonly FactChange[] {
  const each = (of: (index: number, twists: Twists) => readonly FactChange[]) =>
    all.flatMap((twists, index) => of(index, twists));
  switch (change) {
    case 'endpoints':
      return each((index, twists) => slicesOf(index, twists, true));
    case 'last endpoint goes':
      return each((index, twists) => slicesOf(index, twists, false, 2));
    case 'Services go':
      return each((index) => [absent('Service', `shop/web-${index}`)]);
    case 'some Services go, others lose their port':
      return each((index, twists) =>
        index % 2 === 0
          ? [absent('Service', `shop/web-${index}`)]
          : [present('Service', oneService(index, twists, { port: 81 }))],
      );
    case 'policies':
      return each((index, twists) => [present('Service', oneService(index, twists, { local: true }))]);
    case 'a pool comes':
      return [present('IPPool', pool('others', '10.1.0.0/16', { natOutgoing: true }))];
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

/** The properties that all have, but for one that only this Service has or has not. */
function differingIn(base: readonly Twist[], own: Twist | undefined): Twists {
  const twists = new Set(base);
  if (own !== undefined && !twists.delete(own)) twists.add(own);
  return twists;
}

export const alikeServices: fc.Arbitrary<AlikeServices> = fc
  .record({
    base: fc.subarray([...TWISTS], { maxLength: 3 }),
    own: fc.shuffledSubarray([...TWISTS], { minLength: SERVICES - ALIKE, maxLength: SERVICES - ALIKE }),
    changes: fc.subarray([...CHANGES], { minLength: 1, maxLength: 2 }),
    background: fc.subarray(['pods', 'rule', 'bound', 'v6'] as const),
    masqueradeAll: fc.boolean(),
    podCIDRs: fc.constantFrom(['10.244.0.0/16', 'fd00:244::/48'], []),
  })
  .map(({ base, own, changes, background, masqueradeAll, podCIDRs }) => {
    const twists = Array.from({ length: SERVICES }, (_, index) => differingIn(base, own[index - ALIKE]));
    return {
      node: nodeFacts({
        nodeName: 'node-a',
        nodeIPs: ['192.0.2.10', '2001:db8::10'].map(ip),
        localAddresses: ['192.0.2.10', '10.0.0.10', '2001:db8::10'].map((address) => localAddress(address)),
        podCIDRs: podCIDRs.map(cidr),
        serviceCIDRs: ['10.96.0.0/16', 'fd00:96::/112'].map(cidr),
        masqueradeAll,
      }),
      before: [
        ...twists.flatMap((few, index) => [
          present('Service', oneService(index, few)),
          ...slicesOf(index, few, false),
        ]),
        ...(background.includes('pods') ? [present('IPPool', pods)] : []),
        ...(background.includes('rule') ? [present('EgressRule', rule)] : []),
        ...(background.includes('bound') ? [present('Pod', bound)] : []),
        ...(background.includes('v6')
          ? [present('IPPool', pool('pods-v6', 'fd00:244::/48', { natOutgoing: true }))]
          : []),
      ],
      changes: changes.flatMap((change) => changesOf(change, twists)),
    };
  });
