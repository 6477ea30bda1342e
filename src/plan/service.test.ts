import { describe, expect, test } from 'vitest';
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
} from '../../test/generators/build.ts';
import { bitesObject } from '../../test/generators/limits.ts';
import { limits } from '../limits/table.ts';
import type { EndpointSliceFact } from '../model/endpoint-slice.ts';
import type { NodeFacts } from '../model/node.ts';
import type { ServiceFact } from '../model/service.ts';
import { canonicalEntry } from './canonical.ts';
import { addressesForNodePorts } from './node-port-addresses.ts';
import { defaultPlanOptions, type PlanOptions } from './options.ts';
import { serviceFragment } from './service.ts';

const local = endpoint('10.244.1.5', { nodeName: 'node-a' });
const remote = endpoint('10.244.2.6', { nodeName: 'node-b' });

function entries(
  given: Partial<ServiceFact>,
  slices: readonly EndpointSliceFact[] = [slice([local, remote])],
  node: NodeFacts = nodeFacts(),
) {
  return serviceFragment(service(given), slices, node).entries.map(canonicalEntry);
}

/** The frontends of one origin. */
function frontends(origin: string, ...given: Parameters<typeof entries>) {
  return entries(...given)
    .filter((entry) => entry.kind === 'ServiceFrontend')
    .filter((entry) => entry.origin === origin);
}

const everywhere: Partial<ServiceFact> = {
  externalIPs: [ip('192.0.2.50')],
  loadBalancerIPs: [ip('192.0.2.60')],
  ports: [servicePort(80, { nodePort: portOf(30080) })],
};

test('a Service has a frontend for each address and port, and its ClusterIPs', () => {
  const ports = [
    servicePort(80, { name: 'http', nodePort: portOf(30080) }),
    servicePort(53, { name: 'dns', protocol: 'UDP' }),
  ];
  expect(
    entries({ ...everywhere, clusterIPs: ['10.96.0.10', 'fd00:96::a'].map(ip), ports }).map(({ key }) => key),
  ).toEqual([
    'cluster-ip 10.96.0.10',
    'cluster-ip fd00:96::a',
    '10.96.0.10:80/TCP',
    '[fd00:96::a]:80/TCP',
    '192.0.2.50:80/TCP',
    '192.0.2.60:80/TCP',
    '192.0.2.10:30080/TCP',
    '[2001:db8::10]:30080/TCP',
    '10.96.0.10:53/UDP',
    '[fd00:96::a]:53/UDP',
    '192.0.2.50:53/UDP',
    '192.0.2.60:53/UDP',
  ]);
});

test('a Service that is not ours has nothing', () => {
  expect(entries({ notOurs: { kind: 'headless' } })).toEqual([]);
});

describe('traffic policy', () => {
  const all = ['10.244.1.5:8080', '10.244.2.6:8080'];
  const here = ['10.244.1.5:8080'];
  test.each([
    ['ClusterIP', 'Cluster', { endpoints: all, localEndpoints: null, masquerade: 'cluster-ip' }],
    ['ClusterIP', 'Local', { endpoints: here, localEndpoints: null, masquerade: 'cluster-ip' }],
    ['NodePort', 'Cluster', { endpoints: all, localEndpoints: null, masquerade: 'always' }],
    ['NodePort', 'Local', { endpoints: all, localEndpoints: here, masquerade: 'node-sources' }],
    ['ExternalIP', 'Cluster', { endpoints: all, localEndpoints: null, masquerade: 'always' }],
    ['ExternalIP', 'Local', { endpoints: all, localEndpoints: here, masquerade: 'node-sources' }],
    ['LoadBalancer', 'Cluster', { endpoints: all, localEndpoints: null, masquerade: 'always' }],
    ['LoadBalancer', 'Local', { endpoints: all, localEndpoints: here, masquerade: 'node-sources' }],
  ] as const)('%s, %s', (origin, policy, expected) => {
    // The other policy is the opposite one, so that a mix-up of the two shows.
    const other = policy === 'Local' ? 'Cluster' : 'Local';
    const internal = origin === 'ClusterIP';
    const policies = {
      internalTrafficPolicy: internal ? policy : other,
      externalTrafficPolicy: internal ? other : policy,
    } as const;
    expect(frontends(origin, { ...everywhere, ...policies })[0]).toMatchObject(expected);
  });

  test.each([
    ['Cluster', [], 'reject'],
    ['Local', [], 'reject'],
    ['Local', [remote], 'drop'],
    ['Cluster', [remote], 'reject'],
  ] as const)('%s with the endpoints %j leaves the unserved to: %s', (policy, endpoints, unserved) => {
    const policies = { internalTrafficPolicy: policy, externalTrafficPolicy: policy } as const;
    for (const entry of entries({ ...everywhere, ...policies }, [slice(endpoints)])) {
      if (entry.kind === 'ServiceFrontend') expect(entry.unserved).toBe(unserved);
    }
  });

  test('masqueradeAll changes the scope, not the frontends', () => {
    const node = nodeFacts({ masqueradeAll: true });
    expect(entries(everywhere, [slice([local])], node)).toEqual(entries(everywhere, [slice([local])]));
  });
});

describe('families', () => {
  test('a frontend takes the endpoints of its address’s family', () => {
    const both = { clusterIPs: ['10.96.0.10', 'fd00:96::a'].map(ip) };
    const slices = [slice(['10.244.1.5']), slice(['fd00:244::5'])];
    expect(frontends('ClusterIP', both, slices).map((entry) => entry.endpoints)).toEqual([
      ['10.244.1.5:8080'],
      ['[fd00:244::5]:8080'],
    ]);
  });

  test('NodePorts answer in the families of the ClusterIPs', () => {
    const keys = frontends('NodePort', { ...everywhere, clusterIPs: [ip('fd00:96::a')] }).map(
      ({ key }) => key,
    );
    expect(keys).toEqual(['[2001:db8::10]:30080/TCP']);
    expect(frontends('NodePort', { ...everywhere, clusterIPs: [] })).toEqual([]);
  });
});

describe('external addresses', () => {
  const both = {
    externalIPs: ['192.0.2.50', '2001:db8::77'],
    loadBalancerIPs: ['192.0.2.60', '2001:db8::50'],
  };
  const given = (clusterIPs: readonly string[]): Partial<ServiceFact> => ({
    clusterIPs: clusterIPs.map(ip),
    externalIPs: both.externalIPs.map(ip),
    loadBalancerIPs: both.loadBalancerIPs.map(ip),
  });
  const addresses = (clusterIPs: readonly string[]) =>
    serviceFragment(service(given(clusterIPs)), [], nodeFacts()).entries.flatMap((entry) =>
      entry.kind === 'ServiceFrontend' && entry.origin !== 'ClusterIP' ? [entry.tuple.address] : [],
    );

  test('count in the families of the Service: another one is its load balancer’s own business', () => {
    expect(addresses(['10.96.0.10'])).toEqual(['192.0.2.50', '192.0.2.60']);
    expect(addresses(['fd00:96::a'])).toEqual(['2001:db8::77', '2001:db8::50']);
    expect(addresses(['10.96.0.10', 'fd00:96::a'])).toHaveLength(4);
  });

  test('count in both where the Service does not tell its families', () => {
    expect(addresses([])).toHaveLength(4);
  });

  test('one that is also the load balancer’s has its source ranges', () => {
    const range = { loadBalancerSourceRanges: [cidr('203.0.113.0/24')] };
    const shared = { ...everywhere, externalIPs: [ip('192.0.2.60'), ip('192.0.2.50')], ...range };
    expect(frontends('ExternalIP', shared).map(({ key }) => key)).toEqual(['192.0.2.50:80/TCP']);
    expect(frontends('LoadBalancer', shared)).toMatchObject([{ sourceRanges: ['203.0.113.0/24'] }]);
  });
});

test('endpoints for which frontends have no room are reported on the Service', () => {
  const many = Array.from({ length: 32_770 }, (_, i) =>
    endpoint(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`),
  );
  const { entries: found, notices } = serviceFragment(service(), [slice(many)], nodeFacts());
  expect(notices.map(({ code, message }) => [code, message])).toEqual([
    [
      'NatInvalid',
      'port 80/TCP has 32770 usable endpoints of IPv4; 32768 are used, those of the lowest addresses',
    ],
  ]);
  bitesObject('service-endpoints', notices);
  expect(found.find(({ kind }) => kind === 'ServiceFrontend')).toMatchObject({
    endpoints: { length: limits['service-endpoints'].most },
  });
});

describe('externalIPs that are served', () => {
  const given = { ...everywhere, externalIPs: ['192.0.2.50', '203.0.113.50', '192.0.2.60'].map(ip) };
  const planned = (externalIPs: PlanOptions['externalIPs']) => {
    const fragment = serviceFragment(service(given), [slice([local])], nodeFacts(), {
      ...defaultPlanOptions,
      externalIPs,
    });
    return {
      keys: fragment.entries.flatMap((one) =>
        one.kind === 'ServiceFrontend' && one.origin === 'ExternalIP' ? [one.tuple.address] : [],
      ),
      reported: fragment.notices.map(({ code, message }) => `${code}: ${message}`),
      balanced: fragment.entries.some(
        (one) => one.kind === 'ServiceFrontend' && one.origin === 'LoadBalancer',
      ),
    };
  };

  test('all', () => {
    expect(planned(null)).toEqual({ keys: ['192.0.2.50', '203.0.113.50'], reported: [], balanced: true });
  });

  test('none: reported on the Service; addresses that are the load balancer’s too stay', () => {
    expect(planned([])).toEqual({
      keys: [],
      reported: [
        'NatRestricted: externalIPs 192.0.2.50, 203.0.113.50: not served, --external-ips allows none',
      ],
      balanced: true,
    });
  });

  test('those in networks', () => {
    expect(planned([cidr('203.0.113.0/24'), cidr('2001:db8::/32')])).toEqual({
      keys: ['203.0.113.50'],
      reported: [
        'NatRestricted: externalIPs 192.0.2.50: not served, --external-ips allows 203.0.113.0/24, 2001:db8::/32',
      ],
      balanced: true,
    });
  });
});

describe('UDP keeps the flows of endpoints that serve', () => {
  const draining = endpoint('10.244.1.7', {
    nodeName: 'node-b',
    ready: false,
    serving: true,
    terminating: true,
  });
  const ports = [{ name: '', protocol: 'UDP' as const, port: portOf(53) }];
  const udp = (given: Partial<ServiceFact>) => {
    const fact = { ...everywhere, ports: [servicePort(53, { protocol: 'UDP' })], ...given };
    return entries(fact, [slice([local, remote, draining], { ports })]);
  };

  test('of one that terminates', () => {
    expect(udp({})[1]).toMatchObject({ origin: 'ClusterIP', retained: ['10.244.1.7:53'] });
  });

  test('of all, whatever the policy', () => {
    const policies = { internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' } as const;
    expect(udp(policies).slice(1, 3)).toMatchObject([
      { origin: 'ClusterIP', endpoints: ['10.244.1.5:53'], retained: ['10.244.1.7:53', '10.244.2.6:53'] },
      { origin: 'ExternalIP', localEndpoints: ['10.244.1.5:53'], retained: ['10.244.1.7:53'] },
    ]);
  });

  test('other protocols need no list', () => {
    expect(frontends('ClusterIP', everywhere, [slice([local, draining])])).toMatchObject([{ retained: [] }]);
  });
});

describe('addresses for NodePorts', () => {
  const locals = ['192.0.2.10', '203.0.113.7', '127.0.0.1', '127.1.2.3', '::1', '2001:db8::10'];
  const node = (nodePortAddresses: readonly string[] | null) =>
    nodeFacts({
      nodeIPs: [ip('192.0.2.10')],
      localAddresses: [...locals, '192.0.2.10'].map((address) => localAddress(address)),
      nodePortAddresses: nodePortAddresses?.map(cidr) ?? null,
    });
  test.each([
    [null, ['192.0.2.10']],
    [['0.0.0.0/0'], ['192.0.2.10', '203.0.113.7']],
    [['::/0'], ['2001:db8::10']],
    [
      ['203.0.113.0/24', '2001:db8::/64'],
      ['203.0.113.7', '2001:db8::10'],
    ],
    [['127.0.0.0/8', '::1/128'], []],
    [['198.51.100.0/24'], []],
    [[], []],
  ])('%j: %j', (prefixes, expected) => {
    expect(addressesForNodePorts(node(prefixes))).toEqual(expected);
  });
});

describe('loadBalancerSourceRanges', () => {
  const ranges = (texts: readonly string[] | null, vip = '198.51.100.60') => {
    const loadBalancerSourceRanges = texts?.map(cidr) ?? null;
    const given = { ...everywhere, loadBalancerIPs: [ip(vip)], loadBalancerSourceRanges };
    return frontends('LoadBalancer', given)[0]?.sourceRanges;
  };

  test.each([
    ['none: everyone', null, null],
    ['one', ['203.0.113.0/24'], ['203.0.113.0/24']],
    ['several, as a union', ['203.0.113.0/25', '203.0.113.128/25'], ['203.0.113.0/24']],
    ['of the other family only, which the Service has not: nobody', ['2001:db8::/32'], []],
    ['of both: those of the address’s', ['2001:db8::/32', '203.0.113.0/24'], ['203.0.113.0/24']],
    ['that hold the node: the address itself too', ['192.0.2.0/24'], ['192.0.2.0/24', '198.51.100.60']],
  ])('%s', (_, texts, expected) => {
    expect(ranges(texts)).toEqual(expected);
  });

  test('of which the Service can use none: no source is allowed, which is reported', () => {
    const given = (texts: readonly string[], rest: Partial<ServiceFact> = {}) =>
      serviceFragment(
        service({
          ...everywhere,
          loadBalancerIPs: [ip('198.51.100.60')],
          loadBalancerSourceRanges: texts.map(cidr),
          ...rest,
        }),
        [slice([local])],
        nodeFacts(),
      ).notices.map(({ code, object, message }) => [code, object.name, message.slice(0, 57)]);
    const reported = [['NatInvalid', 'web', 'no entry of loadBalancerSourceRanges can be used: nobody ']];
    expect(given([])).toEqual(reported);
    expect(given(['2001:db8::/32'])).toEqual(reported);
    expect(given(['203.0.113.0/24'])).toEqual([]);
    expect(given([], { loadBalancerSourceRanges: null })).toEqual([]);
    expect(given([], { loadBalancerIPs: [] })).toEqual([]);
  });

  test('of one family leave the other open where the Service has both, as kube-proxy does', () => {
    const dual = { clusterIPs: [ip('10.96.0.10'), ip('fd00:96::a')], ports: [servicePort(80)] };
    const loadBalancerIPs = ['198.51.100.60', '2001:db8::60'].map(ip);
    const given = { ...dual, loadBalancerIPs, loadBalancerSourceRanges: [cidr('203.0.113.0/24')] };
    expect(frontends('LoadBalancer', given).map(({ sourceRanges }) => sourceRanges)).toEqual([
      ['203.0.113.0/24'],
      null,
    ]);
  });

  test.each([
    ['the ClusterIP', { loadBalancerIPs: [ip('10.96.0.10')] }, '10.96.0.10:80/TCP'],
    ['an externalIP', { loadBalancerIPs: [ip('192.0.2.50')] }, '192.0.2.50:80/TCP'],
    [
      'ClusterIP and externalIP',
      { loadBalancerIPs: [ip('10.96.0.10')], externalIPs: [ip('10.96.0.10')] },
      '10.96.0.10:80/TCP',
    ],
    [
      'an address of the node with a NodePort',
      { loadBalancerIPs: [ip('192.0.2.10')], ports: [servicePort(30080, { nodePort: portOf(30080) })] },
      '192.0.2.10:30080/TCP',
    ],
  ] as const)('hold where the address is %s too, whichever frontend wins', (_, given, key) => {
    const loadBalancerSourceRanges = [cidr('203.0.113.0/24')];
    const found = entries({ ...everywhere, ...given, loadBalancerSourceRanges })
      .filter((entry) => entry.kind === 'ServiceFrontend')
      .filter((entry) => entry.key === key);
    expect(found.length).toBeGreaterThan(0);
    for (const entry of found) expect(entry.sourceRanges).toEqual(['203.0.113.0/24']);
    for (const entry of frontends('NodePort', { ...everywhere, ...given, loadBalancerSourceRanges })) {
      if (entry.key !== key) expect(entry.sourceRanges).toBeNull();
    }
  });

  test('that hold the node let in all load-balancer addresses of the Service', () => {
    const vips = ['198.51.100.60', '198.51.100.70', '2001:db8::60'].map(ip);
    const given = { ...everywhere, loadBalancerIPs: vips, loadBalancerSourceRanges: [cidr('192.0.2.0/24')] };
    expect(frontends('LoadBalancer', given)[0]?.sourceRanges).toEqual([
      '192.0.2.0/24',
      '198.51.100.60',
      '198.51.100.70',
    ]);
  });

  test('bind load-balancer addresses only', () => {
    const given = { ...everywhere, loadBalancerSourceRanges: [cidr('203.0.113.0/24')] };
    for (const origin of ['ClusterIP', 'NodePort', 'ExternalIP']) {
      expect(frontends(origin, given)[0]?.sourceRanges, origin).toBeNull();
    }
  });
});

describe('health check', () => {
  const dual: Partial<ServiceFact> = {
    clusterIPs: [ip('10.96.0.10'), ip('fd00:96::a')],
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: portOf(31000),
  };
  const checks = (...given: Parameters<typeof entries>) =>
    entries(...given).filter((entry) => entry.kind === 'ServiceHealthCheck');

  test('one for each family, on the addresses of NodePorts, with the ready endpoints of this node', () => {
    const unready = endpoint('10.244.1.6', { nodeName: 'node-a', ready: false });
    const six = endpoint('fd00:244::1', { nodeName: 'node-b' });
    expect(checks(dual, [slice([local, remote, unready]), slice([six], { name: 'web-2' })])).toEqual([
      {
        kind: 'ServiceHealthCheck',
        key: 'health-check IPv4 31000',
        owner: 'Service shop/web',
        port: 31000,
        addresses: ['192.0.2.10'],
        localEndpoints: 1,
      },
      {
        kind: 'ServiceHealthCheck',
        key: 'health-check IPv6 31000',
        owner: 'Service shop/web',
        port: 31000,
        addresses: ['2001:db8::10'],
        localEndpoints: 0,
      },
    ]);
  });

  test('an address counts once, with two ports and in two slices too', () => {
    const slices = [
      slice([local]),
      slice([local, endpoint('10.244.1.9', { nodeName: 'node-a' })], { name: 'b' }),
    ];
    expect(checks({ ...dual, clusterIPs: [ip('10.96.0.10')] }, slices)).toMatchObject([
      { localEndpoints: 2 },
    ]);
  });

  test('terminating endpoints do not count, though they serve while there is no other', () => {
    const ending = endpoint('10.244.1.5', {
      nodeName: 'node-a',
      ready: false,
      serving: true,
      terminating: true,
    });
    expect(checks(dual, [slice([ending])])[0]).toMatchObject({ localEndpoints: 0 });
  });

  test('an endpoint counts only where a port of the Service leads to it: else the Service refuses everything', () => {
    const single = { ...dual, clusterIPs: [ip('10.96.0.10')] };
    const port = (name: string) => [{ name, protocol: 'TCP' as const, port: portOf(8080) }];
    const count = (...slices: EndpointSliceFact[]) => {
      const [check] = checks(single, slices);
      return check?.localEndpoints;
    };
    expect(count(slice([local], { ports: port('other') }))).toBe(0);
    expect(count(slice([local], { ports: [] }))).toBe(0);
    expect(count(slice([local], { ports: port('other') }), slice([local], { name: 'b' }))).toBe(1);
    const elsewhere = endpoint(local.address, { nodeName: 'node-b' });
    const unready = endpoint(local.address, { ...local.state, ready: false, serving: false });
    expect(count(slice([unready, elsewhere]))).toBe(0);
  });

  test('where NodePorts answer on every address, one socket stands for all, of each family by itself', () => {
    const at = (...nodePortAddresses: string[]) =>
      checks(dual, [], nodeFacts({ nodePortAddresses: nodePortAddresses.map(cidr) })).map(
        ({ addresses }) => addresses,
      );
    expect(at('0.0.0.0/0', '::/0')).toEqual([['0.0.0.0'], ['::']]);
    expect(at('0.0.0.0/0')).toEqual([['0.0.0.0'], []]);
    expect(at('0.0.0.0/1', '128.0.0.0/1', '2001:db8::/64')).toEqual([['0.0.0.0'], ['2001:db8::10']]);
    expect(at()).toEqual([[], []]);
  });

  test('link-local addresses are left out: a socket can listen on one only with its link', () => {
    const node = nodeFacts({
      nodePortAddresses: [cidr('2000::/3'), cidr('fe80::/10')],
      localAddresses: [localAddress('2001:db8::10'), localAddress('fe80::1'), localAddress('febf::1')],
    });
    expect(checks(dual, [], node).map(({ addresses }) => addresses)).toEqual([[], ['2001:db8::10']]);
  });

  test.each([
    ['policy Cluster', { ...dual, externalTrafficPolicy: 'Cluster' }],
    ['no such port', { ...dual, healthCheckNodePort: null }],
    ['a Service that is not ours', { ...dual, notOurs: { kind: 'headless' } }],
  ] as const)('none with %s', (_, given) => {
    expect(checks(given)).toEqual([]);
  });
});
