import { describe, expect, test } from 'vitest';
import { formatFinding } from '../../model/finding.ts';
import { defaultPodNatOptions } from './metadata.ts';
import { parseService } from './service.ts';
import { SharedValues } from './shared.ts';

const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };

const service = (spec: object, more: object = {}, labels: object = {}) => ({
  metadata: { name: 'web', namespace: 'shop', labels },
  spec: { clusterIP: '172.30.0.1', ports: [{ port: 80 }], ...spec },
  ...more,
});

function factOf(object: unknown) {
  const parsed = parseService(object, context);
  if (!parsed.ok || parsed.fact === null) throw new Error(`rejected: ${JSON.stringify(parsed)}`);
  return parsed.fact;
}

function problemsOf(object: unknown): string[] {
  const parsed = parseService(object, context);
  return parsed.ok ? [] : parsed.problems.map(formatFinding);
}

describe('parseService', () => {
  test('a minimal Service gets the defaults of the API', () => {
    expect(parseService(service({}), context)).toEqual({
      ok: true,
      warnings: [],
      fact: {
        namespace: 'shop',
        name: 'web',
        uid: '',
        createdAt: 0,
        notOurs: null,
        clusterIPs: ['172.30.0.1'],
        externalIPs: [],
        loadBalancerIPs: [],
        loadBalancerSourceRanges: null,
        ports: [{ name: '', protocol: 'TCP', port: 80, nodePort: null }],
        internalTrafficPolicy: 'Cluster',
        externalTrafficPolicy: 'Cluster',
        affinityTimeoutSeconds: null,
        healthCheckNodePort: null,
      },
    });
  });

  test('a full Service of type LoadBalancer', () => {
    const object = service(
      {
        type: 'LoadBalancer',
        clusterIPs: ['172.30.0.1', 'FD00::1'],
        externalIPs: ['192.0.2.1'],
        ports: [
          { name: 'a', port: 80, nodePort: 30080, targetPort: 'http' },
          { name: 'b', port: 80, nodePort: 0, protocol: 'UDP' },
        ],
        internalTrafficPolicy: 'Local',
        externalTrafficPolicy: 'Local',
        healthCheckNodePort: 31000,
        sessionAffinity: 'ClientIP',
        unknownField: 5,
      },
      {
        status: {
          loadBalancer: {
            ingress: [
              { ip: '1.2.3.4', ipMode: 'VIP' },
              { ip: '1.2.3.5' },
              { ip: '1.2.3.6', ipMode: 'Proxy' },
              { hostname: 'lb.example.com' },
            ],
          },
        },
      },
    );
    Object.assign(object.metadata, { uid: 'u', creationTimestamp: '1970-01-01T00:00:01Z' });
    expect(factOf(object)).toMatchObject({
      uid: 'u',
      createdAt: 1000,
      clusterIPs: ['172.30.0.1', 'fd00::1'],
      externalIPs: ['192.0.2.1'],
      loadBalancerIPs: ['1.2.3.4', '1.2.3.5'],
      ports: [
        { name: 'a', protocol: 'TCP', port: 80, nodePort: 30080 },
        { name: 'b', protocol: 'UDP', port: 80, nodePort: null },
      ],
      internalTrafficPolicy: 'Local',
      externalTrafficPolicy: 'Local',
      affinityTimeoutSeconds: 10_800,
      healthCheckNodePort: 31_000,
    });
  });

  test.each([
    [{ clusterIP: 'None' }, {}, { kind: 'headless' }, []],
    [{ clusterIP: '', clusterIPs: ['None'] }, {}, { kind: 'headless' }, []],
    [{ type: 'ExternalName', clusterIP: '', externalName: 'x' }, {}, { kind: 'ExternalName' }, []],
    [
      {},
      { 'service.kubernetes.io/headless': '' },
      { kind: 'label', label: 'service.kubernetes.io/headless' },
      ['172.30.0.1'],
    ],
    [
      {},
      { 'service.kubernetes.io/service-proxy-name': 'x' },
      { kind: 'label', label: 'service.kubernetes.io/service-proxy-name' },
      ['172.30.0.1'],
    ],
  ])('%j with labels %j is not ours', (spec, labels, notOurs, clusterIPs) => {
    expect(factOf(service(spec, {}, labels))).toMatchObject({ notOurs, clusterIPs });
  });

  test('node ports count only for types that have them', () => {
    const ports = [{ port: 80, nodePort: 30080 }];
    expect(factOf(service({ ports })).ports[0]?.nodePort).toBeNull();
    expect(factOf(service({ ports, type: 'NodePort' })).ports[0]?.nodePort).toBe(30080);
  });

  test.each([
    '0.0.0.0',
    '::',
    '127.0.0.1',
    '::1',
    '169.254.169.254',
    'fe80::1',
    '224.0.0.1',
    '239.1.1.1',
    'ff02::1',
    'ff05::1',
    '255.255.255.255',
    '::ffff:127.0.0.1',
  ])('%s is left out wherever a Service names it, and takes nothing else with it', (special) => {
    const status = { loadBalancer: { ingress: [{ ip: special }, { ip: '203.0.113.5' }] } };
    const spec = { clusterIPs: ['172.30.0.1', special], externalIPs: [special, '203.0.113.7'] };
    const parsed = parseService(service({ type: 'LoadBalancer', ...spec }, { status }), context);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    expect(parsed.fact).toMatchObject({
      clusterIPs: ['172.30.0.1'],
      externalIPs: ['203.0.113.7'],
      loadBalancerIPs: ['203.0.113.5'],
    });
    expect(parsed.warnings.map(({ code, field }) => `${code} ${field}`)).toEqual([
      'KNAT_ADDRESS_SPECIAL spec.clusterIPs[1]',
      'KNAT_ADDRESS_SPECIAL spec.externalIPs[0]',
      'KNAT_ADDRESS_SPECIAL status.loadBalancer.ingress[0].ip',
    ]);
  });

  test('a ClusterIP that none can be rejects the Service', () => {
    for (const ips of [{ clusterIP: '127.0.0.1' }, { clusterIPs: ['0.0.0.0'] }]) {
      expect(problemsOf(service(ips)).join()).toContain('KNAT_ADDRESS_SPECIAL');
    }
  });

  test('a node port beyond the range of a folder is left out; what an API server gives has been looked at', () => {
    const ports = [
      { name: 'a', port: 80, nodePort: 22 },
      { name: 'b', port: 81, nodePort: 30080 },
    ];
    const object = service({ type: 'NodePort', ports });
    const nodePorts = (of: typeof context & { nodePortRange?: { first: number; last: number } }) => {
      const parsed = parseService(object, of);
      return parsed.ok
        ? [parsed.fact?.ports.map(({ nodePort }) => nodePort), parsed.warnings.map(({ code }) => code)]
        : [];
    };
    expect(nodePorts(context)).toEqual([[22, 30080], []]);
    const folder = { ...context, nodePortRange: { first: 30_000, last: 32_767 } };
    expect(nodePorts(folder)).toEqual([[null, 30080], ['KNAT_NODE_PORT_RANGE']]);
  });

  test('without a namespace it is in default', () => {
    expect(factOf({ metadata: { name: 'x' } })).toMatchObject({
      namespace: 'default',
      clusterIPs: [],
      ports: [],
    });
  });

  test('source ranges: white space and host bits are accepted, a bad entry is left out with a warning', () => {
    const parsed = parseService(
      service({ loadBalancerSourceRanges: [' 203.0.113.0/25 ', '10.0.0.1/8', 'x', '2001:db8::/32'] }),
      context,
    );
    expect(parsed.ok && parsed.fact?.loadBalancerSourceRanges).toEqual([
      { family: 'IPv4', address: '203.0.113.0', length: 25 },
      { family: 'IPv4', address: '10.0.0.0', length: 8 },
      { family: 'IPv6', address: '2001:db8::', length: 32 },
    ]);
    expect(parsed.ok && parsed.warnings.map(formatFinding)).toEqual([
      'Service shop/web: spec.loadBalancerSourceRanges[2]: "x" is no CIDR and is left out: correct it (KNAT_SOURCE_RANGE_IGNORED)',
    ]);
  });

  test('source ranges that are all unusable allow no source; without any, every source is allowed', () => {
    expect(factOf(service({ loadBalancerSourceRanges: ['x'] })).loadBalancerSourceRanges).toEqual([]);
    expect(factOf(service({ loadBalancerSourceRanges: [] })).loadBalancerSourceRanges).toBeNull();
  });

  test.each([
    [
      { ports: [{ port: 70000 }] },
      'spec.ports[0].port: 70000 is no port: use a whole number from 1 to 65535 (KNAT_PORT_INVALID)',
    ],
    [
      { ports: [{ port: 0 }] },
      'spec.ports[0].port: 0 is no port: use a whole number from 1 to 65535 (KNAT_PORT_INVALID)',
    ],
    [
      { ports: [{ port: '80' }] },
      'spec.ports[0].port: must be a whole number, not the text "80" (KNAT_FIELD_TYPE)',
    ],
    [
      { ports: [{ port: 80.5 }] },
      'spec.ports[0].port: must be a whole number, not the number 80.5 (KNAT_FIELD_TYPE)',
    ],
    [{ ports: [{}] }, 'spec.ports[0].port: a service port needs a number: add port (KNAT_FIELD_REQUIRED)'],
    [{ ports: { port: 80 } }, 'spec.ports: must be a list, not an object (KNAT_FIELD_TYPE)'],
    [{ ports: [80] }, 'spec.ports[0]: must be an object, not the number 80 (KNAT_FIELD_TYPE)'],
    [
      { ports: [{ port: 80, protocol: 'ICMP' }] },
      'spec.ports[0].protocol: "ICMP" is not known: use one of TCP, UDP, SCTP (KNAT_FIELD_VALUE)',
    ],
    [
      { type: 'Nodeport' },
      'spec.type: "Nodeport" is not known: use one of ClusterIP, NodePort, LoadBalancer, ExternalName (KNAT_FIELD_VALUE)',
    ],
    [
      { clusterIP: '172.30.0.300' },
      'spec.clusterIP: "172.30.0.300" is no IPv4 or IPv6 address (KNAT_ADDRESS_INVALID)',
    ],
    [{ clusterIPs: ['x'] }, 'spec.clusterIPs[0]: "x" is no IPv4 or IPv6 address (KNAT_ADDRESS_INVALID)'],
    [
      { loadBalancerSourceRanges: '10.0.0.0/8' },
      'spec.loadBalancerSourceRanges: must be a list, not the text "10.0.0.0/8" (KNAT_FIELD_TYPE)',
    ],
    [
      { externalTrafficPolicy: 'local' },
      'spec.externalTrafficPolicy: "local" is not known: use one of Cluster, Local (KNAT_FIELD_VALUE)',
    ],
  ])('%j is refused', (spec, message) => {
    expect(problemsOf(service(spec))).toEqual([`Service shop/web: ${message}`]);
  });

  test.each<[Record<string, unknown>, Record<string, unknown>, string]>([
    [
      {
        ports: [
          { name: 'a', port: 80 },
          { name: 'b', port: 80 },
        ],
      },
      { ports: [{ name: 'a', protocol: 'TCP', port: 80, nodePort: null }] },
      'spec.ports[1].port: another port of the Service has the TCP port 80; it is left out (KNAT_FIELD_DUPLICATE)',
    ],
    [
      { ports: [{ port: 80, protocol: 'ICMP' }, { port: 80 }] },
      { ports: [{ name: '', protocol: 'TCP', port: 80, nodePort: null }] },
      'spec.ports[0].protocol: "ICMP" is not known: use one of TCP, UDP, SCTP; it is left out (KNAT_FIELD_VALUE)',
    ],
    [
      { type: 'NodePort', ports: [{ port: 80, nodePort: 70000 }] },
      { ports: [{ name: '', protocol: 'TCP', port: 80, nodePort: null }] },
      'spec.ports[0].nodePort: 70000 is no port: use a whole number from 1 to 65535; it is left out (KNAT_PORT_INVALID)',
    ],
    [
      { clusterIPs: ['172.30.0.1', 'x'] },
      { clusterIPs: ['172.30.0.1'] },
      'spec.clusterIPs[1]: "x" is no IPv4 or IPv6 address; it is left out (KNAT_ADDRESS_INVALID)',
    ],
    [
      { externalIPs: ['host'] },
      { externalIPs: [], clusterIPs: ['172.30.0.41'] },
      'spec.externalIPs[0]: "host" is no IPv4 or IPv6 address; it is left out (KNAT_ADDRESS_INVALID)',
    ],
    [
      { loadBalancerSourceRanges: [5] },
      { loadBalancerSourceRanges: [] },
      'spec.loadBalancerSourceRanges[0]: "the number 5" is no CIDR and is left out: correct it (KNAT_SOURCE_RANGE_IGNORED)',
    ],
    [
      { healthCheckNodePort: 70000 },
      { healthCheckNodePort: null },
      'spec.healthCheckNodePort: 70000 is no port: use a whole number from 1 to 65535; it is left out (KNAT_PORT_INVALID)',
    ],
    [
      { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 0 } } },
      { affinityTimeoutSeconds: null },
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds: 0 is out of range: use 1 to 86400 seconds; it is left out (KNAT_FIELD_VALUE)',
    ],
  ])('%j: the rest of the Service stays', (spec, fact, message) => {
    const parsed = parseService(service({ clusterIP: '172.30.0.41', ...spec }), context);
    expect(parsed).toMatchObject({ ok: true, fact });
    expect(parsed.ok && parsed.warnings.map(formatFinding)).toEqual([`Service shop/web: ${message}`]);
  });

  test.each<[readonly unknown[], string]>([
    [[{ ip: 'x' }], 'ingress[0].ip: "x" is no IPv4 or IPv6 address; it is left out (KNAT_ADDRESS_INVALID)'],
    [[5], 'ingress[0]: must be an object, not the number 5; it is left out (KNAT_FIELD_TYPE)'],
    [
      [{ ip: '203.0.113.9', ipMode: 'Tunnel' }],
      'ingress[0].ipMode: "Tunnel" is not known: use one of VIP, Proxy; it is left out (KNAT_FIELD_VALUE)',
    ],
  ])('ingress %j does not take its Service, nor its neighbours', (bad, message) => {
    const object = service({ clusterIP: '172.30.0.41' });
    const status = { loadBalancer: { ingress: [...bad, { ip: '203.0.113.5' }] } };
    const parsed = parseService({ ...object, status }, context);
    expect(parsed).toMatchObject({ ok: true, fact: { loadBalancerIPs: ['203.0.113.5'] } });
    expect(parsed.ok && parsed.warnings.map(formatFinding)).toEqual([
      `Service shop/web: status.loadBalancer.${message}`,
    ]);
  });

  test('all problems are found at once', () => {
    expect(problemsOf(service({ ports: [{ port: 70000 }, { port: -1 }], externalIPs: [5] }))).toHaveLength(3);
  });

  test.each([null, 5, 'x', [], {}, { metadata: 5 }, { metadata: { name: 5 } }, { metadata: {}, spec: [] }])(
    '%j is refused without a throw',
    (object) => {
      expect(problemsOf(object).join()).toMatch(/KNAT_(FIELD|OBJECT)/);
    },
  );
});
