import { describe, expect, test } from 'vitest';
import {
  cidr,
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
} from '../../test/generators/build.ts';
import type { FactChange } from '../model/facts.ts';
import type { NodeFacts } from '../model/node.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import type { Packet } from './packet.ts';
import { type Walk, walk } from './walk.ts';

const CLIENT = '198.51.100.9';
const POD = '10.244.1.5';

function packet(source: string, destination: string, port = 80): Packet {
  return { source: ip(source), destination: ip(destination), protocol: 'TCP', port: portOf(port) };
}

function walked(changes: readonly FactChange[], asked: Packet, node: NodeFacts = nodeFacts()): Walk {
  const planner = new Planner(node, defaultPlanOptions);
  planner.apply(changes);
  return walk(planner.update(), node, asked);
}

/** A walk in one line: `rule verdict, … => verdict: endpoint snat, …`. */
function inShort({ steps, paths, verdict }: Walk): string {
  const before = steps.map((step) => `${step.rule} ${step.verdict}`).join(', ');
  const after = paths.map((path) => {
    const rules = path.steps.map((step) => `${step.rule} ${step.verdict}`).join(', ');
    return ` | ${path.endpoint.address}:${path.endpoint.port} ${rules} as ${path.snat ?? 'itself'}`;
  });
  return `${verdict}: ${before}${after.join('')}`;
}

const web = present('Service', service());
const webSlice = present('EndpointSlice', slice(['10.244.1.5', '10.244.2.6']));
const external = (policy: 'Cluster' | 'Local', rest = {}) =>
  present(
    'Service',
    service({
      externalIPs: [ip('192.0.2.50')],
      loadBalancerIPs: [ip('192.0.2.60')],
      externalTrafficPolicy: policy,
      ports: [servicePort(80, { nodePort: portOf(30080) })],
      ...rest,
    }),
  );
const localSlice = present(
  'EndpointSlice',
  slice([endpoint('10.244.1.5', { nodeName: 'node-a' }), endpoint('10.244.2.6', { nodeName: 'node-b' })]),
);
const remoteSlice = present('EndpointSlice', slice(['10.244.2.6']));
const mail = present('Pod', pod([natEntry({ allow: [cidr('198.51.100.0/24')] })]));
const natPool = present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true }));
const lan = present('IPPool', pool('lan', '172.30.0.0/16', { disabled: true }));

describe('destination', () => {
  const cases: [name: string, changes: FactChange[], packet: Packet, expected: string][] = [
    [
      'a ClusterIP offers all endpoints',
      [web, webSlice],
      packet('10.244.9.9', '10.96.0.10'),
      'dnat: service-frontend dnat' +
        ' | 10.244.1.5:8080 service-masquerade continue as itself' +
        ' | 10.244.2.6:8080 service-masquerade continue as itself',
    ],
    [
      'a Service without endpoints refuses',
      [web],
      packet(POD, '10.96.0.10'),
      'reject: service-frontend reject',
    ],
    [
      'policy Local with endpoints elsewhere only drops',
      [external('Local'), remoteSlice],
      packet(CLIENT, '192.0.2.50'),
      'drop: service-frontend drop',
    ],
    [
      'policy Local: strangers get the endpoints of this node, with their own source',
      [external('Local'), localSlice],
      packet(CLIENT, '192.0.2.10', 30080),
      'dnat: service-frontend dnat | 10.244.1.5:8080 service-masquerade continue as itself',
    ],
    [
      'policy Local: pods get all endpoints, with their own source',
      [external('Local'), localSlice],
      packet('10.244.9.9', '192.0.2.50'),
      'dnat: service-frontend dnat' +
        ' | 10.244.1.5:8080 service-masquerade continue as itself' +
        ' | 10.244.2.6:8080 service-masquerade continue as itself',
    ],
    [
      'policy Local: this node gets all endpoints, masqueraded',
      [external('Local'), remoteSlice],
      packet('192.0.2.10', '192.0.2.50'),
      'dnat: service-frontend dnat | 10.244.2.6:8080 service-masquerade masquerade as node',
    ],
    [
      'a load balancer drops sources out of its ranges',
      [external('Cluster', { loadBalancerSourceRanges: [cidr('203.0.113.0/24')] }), webSlice],
      packet(CLIENT, '192.0.2.60'),
      'drop: source-ranges drop',
    ],
    [
      'the ranges of a load balancer do not bind its external IPs',
      [external('Cluster', { loadBalancerSourceRanges: [cidr('203.0.113.0/24')] }), remoteSlice],
      packet(CLIENT, '192.0.2.50'),
      'dnat: service-frontend dnat | 10.244.2.6:8080 service-masquerade masquerade as node',
    ],
    [
      'a load balancer serves sources in its ranges',
      [external('Cluster', { loadBalancerSourceRanges: [cidr('198.51.100.0/24')] }), remoteSlice],
      packet(CLIENT, '192.0.2.60'),
      'dnat: source-ranges continue, service-frontend dnat' +
        ' | 10.244.2.6:8080 service-masquerade masquerade as node',
    ],
    [
      'a Pod NAT binding goes to its pod, with the client’s source',
      [mail],
      packet(CLIENT, '203.0.113.7', 25),
      'dnat: source-ranges continue, pod-binding dnat | 10.244.1.5:25 no-source-rule continue as itself',
    ],
    [
      'a Pod NAT binding drops sources that it does not allow',
      [mail],
      packet('198.51.101.1', '203.0.113.7', 25),
      'drop: source-ranges drop',
    ],
    [
      'an unlisted port of a ClusterIP refuses',
      [web, webSlice],
      packet(POD, '10.96.0.10', 81),
      'reject: unlisted-port reject',
    ],
    [
      'an address of the service CIDR without a Service drops',
      [web, webSlice],
      packet(POD, '10.96.0.11'),
      'drop: unused-cluster-ip drop',
    ],
    [
      'an unlisted port of an external IP is not our business',
      [external('Cluster'), webSlice],
      packet(CLIENT, '192.0.2.50', 81),
      'none: no-destination-rule continue | 192.0.2.50:81 no-source-rule continue as itself',
    ],
  ];
  test.each(cases)('%s', (_, changes, asked, expected) => {
    expect(inShort(walked(changes, asked))).toBe(expected);
  });

  test('the node’s own packets begin in output, all others in prerouting', () => {
    const hookFrom = (source: string) => walked([web], packet(source, '10.96.0.10')).steps[0]?.hook;
    expect([hookFrom('192.0.2.10'), hookFrom('127.0.0.1'), hookFrom(POD)]).toEqual([
      'output',
      'output',
      'prerouting',
    ]);
  });
});

describe('source', () => {
  const cases: [name: string, changes: FactChange[], packet: Packet, expected: string][] = [
    [
      'hairpin: only the endpoint that is the source is masqueraded',
      [web, webSlice],
      packet(POD, '10.96.0.10'),
      'dnat: service-frontend dnat' +
        ' | 10.244.1.5:8080 hairpin masquerade as node' +
        ' | 10.244.2.6:8080 service-masquerade continue as itself',
    ],
    [
      'hairpin: a pod that dials its own binding',
      [present('Pod', pod([natEntry()])), natPool],
      packet(POD, '203.0.113.7', 25),
      'dnat: pod-binding dnat | 10.244.1.5:25 hairpin masquerade as node',
    ],
    [
      'a ClusterIP from outside the pods is masqueraded',
      [web, remoteSlice],
      packet(CLIENT, '10.96.0.10'),
      'dnat: service-frontend dnat | 10.244.2.6:8080 service-masquerade masquerade as node',
    ],
    [
      'policy Cluster masquerades pods too',
      [external('Cluster'), remoteSlice],
      packet(POD, '192.0.2.10', 30080),
      'dnat: service-frontend dnat | 10.244.2.6:8080 service-masquerade masquerade as node',
    ],
    [
      'a bound pod leaves with its address, pools or not',
      [mail, natPool],
      packet(POD, '8.8.8.8'),
      'snat: no-destination-rule continue | 8.8.8.8:80 pod-source snat as 203.0.113.7',
    ],
    [
      'a bound pod keeps its source to internal destinations, which its pool masquerades',
      [mail, natPool],
      packet(POD, '172.31.0.1'),
      'snat: no-destination-rule continue' +
        ' | 172.31.0.1:80 pod-source continue, egress-pool masquerade as node',
    ],
    [
      'a pod of a pool leaves masqueraded',
      [natPool, lan],
      packet('10.244.9.9', '8.8.8.8'),
      'snat: no-destination-rule continue | 8.8.8.8:80 egress-pool masquerade as node',
    ],
    [
      'not to another pool, disabled or not',
      [natPool, lan],
      packet('10.244.9.9', '172.30.1.1'),
      'none: no-destination-rule continue | 172.30.1.1:80 egress-pool continue as itself',
    ],
    [
      'the destination after DNAT decides: an endpoint in a pool',
      [web, remoteSlice, natPool],
      packet('10.244.9.9', '10.96.0.10'),
      'dnat: service-frontend dnat' +
        ' | 10.244.2.6:8080 service-masquerade continue, egress-pool continue as itself',
    ],
    [
      'the destination after DNAT decides: an endpoint outside the pools',
      [web, present('EndpointSlice', slice(['192.0.2.99'])), natPool],
      packet('10.244.9.9', '10.96.0.10'),
      'dnat: service-frontend dnat' +
        ' | 192.0.2.99:8080 service-masquerade continue, egress-pool masquerade as node',
    ],
    [
      'a packet to this node never reaches postrouting',
      [natPool, mail],
      packet(POD, '192.0.2.10', 22),
      'none: no-destination-rule continue | 192.0.2.10:22 local-delivery continue as itself',
    ],
    [
      'what is in no pool stays as it is',
      [natPool],
      packet(CLIENT, '8.8.8.8'),
      'none: no-destination-rule continue | 8.8.8.8:80 no-source-rule continue as itself',
    ],
  ];
  test.each(cases)('%s', (_, changes, asked, expected) => {
    expect(inShort(walked(changes, asked))).toBe(expected);
  });

  test('masqueradeAll masquerades pods to a ClusterIP', () => {
    const node = nodeFacts({ masqueradeAll: true });
    const { paths } = walked([web, remoteSlice], packet(POD, '10.96.0.10'), node);
    expect(paths.map((path) => path.snat)).toEqual(['node']);
  });

  test('a source that is both pod and node address counts as a pod', () => {
    const node = nodeFacts({ localAddresses: [localAddress('10.244.1.1'), localAddress('192.0.2.10')] });
    const result = walked([external('Local'), localSlice], packet('10.244.1.1', '192.0.2.50'), node);
    expect(result.paths.map((path) => path.snat)).toEqual([null, null]);
    expect(result.steps).toMatchObject([{ reach: 'pod-source' }]);
  });

  test('names the narrowest pools', () => {
    const wide = present('IPPool', pool('all', '10.0.0.0/8', { natOutgoing: true }));
    const result = walked([wide, natPool, lan], packet(POD, '10.1.1.1'));
    expect(result.paths[0]?.steps).toMatchObject([
      { rule: 'egress-pool', object: { name: 'pods' }, because: { exemptBy: { name: 'all' } } },
    ]);
  });
});

describe('around the packet', () => {
  test('the reply of a masqueraded connection certainly returns, that of another may not', () => {
    const masqueraded = walked([external('Cluster'), remoteSlice], packet(CLIENT, '192.0.2.50'));
    expect(masqueraded.paths[0]?.reply).toEqual({
      sent: { from: { address: '10.244.2.6', port: 8080 }, to: 'node' },
      seen: { from: { address: '192.0.2.50', port: 80 }, to: CLIENT },
      returns: 'certain',
    });
    expect(walked([mail], packet(CLIENT, '203.0.113.7', 25)).paths[0]?.reply.returns).toBe('routing');
    expect(walked([], packet(CLIENT, '8.8.8.8')).paths[0]?.reply.returns).toBe('not-needed');
  });

  test('names the claims that lost', () => {
    const younger = present('Service', service({ name: 'other', createdAt: 2000 }));
    const { conflicts } = walked([younger, web, webSlice], packet(CLIENT, '10.96.0.10'));
    expect(conflicts).toMatchObject([{ winner: { name: 'web' }, losers: [{ name: 'other' }] }]);
    const twin = present('Pod', pod([natEntry()], { name: 'smtp-2', uid: 'z', createdAt: 2000 }));
    expect(walked([mail, twin], packet(POD, '8.8.8.8')).conflicts).toMatchObject([
      { key: `from ${POD}/TCP`, winner: { name: 'smtp-2' }, losers: [{ name: 'smtp' }] },
    ]);
  });

  test('says what it cannot know', () => {
    const unknown = (result: Walk) => result.unknown.filter((one) => one !== 'existing-connections');
    const affine = present('Service', service({ affinityTimeoutSeconds: 10 }));
    expect(unknown(walked([affine, webSlice], packet('10.244.9.9', '10.96.0.10')))).toEqual([
      'affinity',
      'other-tables',
    ]);
    const bare = nodeFacts({ podCIDRs: [] });
    expect(unknown(walked([web, remoteSlice], packet(POD, '10.96.0.10'), bare))).toEqual([
      'pod-cidrs',
      'other-tables',
    ]);
    const host = present('EndpointSlice', slice(['192.0.2.10']));
    expect(unknown(walked([external('Cluster'), host], packet(CLIENT, '192.0.2.50')))).toEqual([
      'masquerade-address',
      'local-endpoint',
      'other-tables',
    ]);
    expect(unknown(walked([web], packet(CLIENT, '10.96.0.11')))).toEqual([]);
  });

  test('refuses a packet of two families', () => {
    expect(() => walked([], packet('fd00::1', '10.96.0.10'))).toThrow(TypeError);
  });
});

describe('pods recognised by interface', () => {
  const node = nodeFacts({ podCIDRs: [], podInterface: { name: 'cali', isPrefix: true } });
  const changes = [external('Local'), webSlice];
  const asked = (destination: string, inputInterface?: string) =>
    walked(
      changes,
      { ...packet(POD, destination), ...(inputInterface === undefined ? {} : { inputInterface }) },
      node,
    );

  test.each([
    ['10.96.0.10', 'cali12', null],
    ['10.96.0.10', 'eth0', 'node'],
    ['192.0.2.50', 'cali12', null],
  ])('to %s, in by %s', (destination, inputInterface, snat) => {
    const { paths, unknown } = asked(destination, inputInterface);
    expect(paths.find(({ endpoint }) => endpoint.address !== POD)?.snat).toBe(snat);
    expect(unknown).not.toContain('input-interface');
    expect(unknown).not.toContain('pod-cidrs');
  });

  test('policy Local applies to sources that enter by another interface', () => {
    expect(asked('192.0.2.50', 'eth0').verdict).toBe('drop');
  });

  test('which it is stays unknown where the question does not say, and only where it counts', () => {
    expect(asked('10.96.0.10').unknown).toContain('input-interface');
    expect(asked('192.0.2.50').unknown).toContain('input-interface');
    expect(asked('198.51.100.1').unknown).not.toContain('input-interface');
    const all = walked(changes, packet(POD, '10.96.0.10'), { ...node, masqueradeAll: true });
    expect(all.unknown).not.toContain('input-interface');
    expect(all.paths.every(({ snat }) => snat === 'node')).toBe(true);
    const own = walked(changes, packet('192.0.2.10', '10.96.0.10'), node);
    expect(own.unknown).not.toContain('input-interface');
  });
});
