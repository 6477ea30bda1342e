import { expect, test } from 'vitest';
import {
  cidr,
  endpoint,
  ip,
  localAddress,
  natEntry,
  nodeFacts,
  nodeObject,
  pod,
  pool,
  portOf,
  present,
  service,
  servicePort,
  slice,
} from '../../test/generators/build.ts';
import type { FactChange } from '../model/facts.ts';
import type { ServiceFact } from '../model/service.ts';
import type { Protocol } from '../net/protocol.ts';
import { defaultPlanOptions, defaultPodNatPolicy, type PlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { hintsOf } from './hints.ts';
import { walk } from './walk.ts';

const CLIENT = '198.51.100.9';
const NODE = '192.0.2.10';
const PUBLIC = '203.0.113.7';
const POD = '10.244.1.5';

const node = nodeFacts({
  nodeIPs: [ip(NODE), ip('2001:db8::10')],
  localAddresses: [
    localAddress(NODE),
    localAddress(PUBLIC, { onDefaultRoute: true }),
    localAddress('2001:db8::10'),
  ],
  podCIDRs: [cidr('10.244.1.0/24')],
  serviceCIDRs: [],
});

type Off = 'service' | 'pod' | 'egress';

/** `about Object: text`, one for each hint. */
function hints(
  changes: readonly FactChange[],
  from: string,
  to: string,
  port: number,
  {
    protocol = 'TCP' as Protocol,
    off = null as Off | null,
    facts = node,
    namespaces = null as string[] | null,
    rest = {} as Partial<PlanOptions>,
  } = {},
): string[] {
  const enable = { ...defaultPlanOptions.enable, ...(off === null ? {} : { [off]: false }) };
  const podNatPolicy = { ...defaultPodNatPolicy, namespaces };
  const planner = new Planner(facts, { ...defaultPlanOptions, ...rest, enable, podNatPolicy });
  planner.apply(changes);
  const packet = { source: ip(from), destination: ip(to), protocol, port: portOf(port) };
  const found = hintsOf(planner, walk(planner.update(), facts, packet));
  return found.map(({ about, object, text }) => `${about} ${object?.name ?? '-'}: ${text}`);
}

const web = (rest: Partial<ServiceFact> = {}) =>
  present(
    'Service',
    service({
      externalIPs: [ip('192.0.2.50')],
      loadBalancerIPs: [ip('192.0.2.60')],
      ports: [servicePort(80, { nodePort: portOf(30080) })],
      ...rest,
    }),
  );
const webSlice = present('EndpointSlice', slice(['10.244.1.5', '10.244.2.6']));
const mail = present('Pod', pod([natEntry()]));

test.each([
  ['10.96.0.10', 443, 'other-port web: has this address (ClusterIP), but with 80/TCP, not with 443/TCP'],
  ['192.0.2.50', 443, 'other-port web: has this address (ExternalIP), but with 80/TCP, not with 443/TCP'],
  ['192.0.2.60', 443, 'other-port web: has this address (LoadBalancer), but with 80/TCP, not with 443/TCP'],
  [NODE, 30081, 'other-port web: has this address (NodePort), but with 30080/TCP, not with 30081/TCP'],
])('the address %s, but another port', (to, port, expected) => {
  expect(hints([web(), webSlice], CLIENT, to, port)).toEqual([expected]);
});

test('a binding at the address, but with another port', () => {
  expect(hints([mail], CLIENT, PUBLIC, 587)).toEqual([
    'other-port smtp: has a binding at this address, but with 25/TCP, not with 587/TCP',
  ]);
});

test('many ports are counted', () => {
  const ports = [81, 82, 83, 84, 85, 86, 87, 88].map((port) => servicePort(port, { name: `p${port}` }));
  expect(hints([web({ ports })], CLIENT, '192.0.2.50', 80)).toEqual([
    'other-port web: has this address (ExternalIP), but with 81/TCP, 82/TCP, 83/TCP, 84/TCP, 85/TCP, 86/TCP and 2 more, not with 80/TCP',
  ]);
});

test('the right port, but another protocol', () => {
  const udp = { protocol: 'UDP' as const };
  expect(hints([web(), webSlice], CLIENT, '192.0.2.50', 80, udp)).toEqual([
    'other-protocol web: has this address (ExternalIP) with port 80, but for TCP, not for UDP',
  ]);
  expect(hints([web(), webSlice], CLIENT, NODE, 30080, udp)).toEqual([
    'other-protocol web: has this address (NodePort) with port 30080, but for TCP, not for UDP',
  ]);
  expect(hints([mail], CLIENT, PUBLIC, 25, udp)).toEqual([
    'other-protocol smtp: has a binding at this address with port 25, but for TCP, not for UDP',
  ]);
});

test('an externalIP that is not served', () => {
  const given = [present('Service', service({ externalIPs: [ip('198.51.100.53')] }))];
  const said = 'not-ours web: has this address in its externalIPs, but --external-ips excludes it';
  expect(hints(given, CLIENT, '198.51.100.53', 80, { rest: { externalIPs: [] } })).toEqual([said]);
  expect(hints(given, CLIENT, '198.51.100.53', 80)).not.toContain(said);
});

test('a NodePort at an address that nodePortAddresses leaves out', () => {
  expect(hints([web(), webSlice], CLIENT, PUBLIC, 30080)).toEqual([
    `node-port web: has the NodePort 30080, but NodePorts of this node answer only on ${NODE} (nodePortAddresses)`,
  ]);
});

test('a NodePort of a Service of the other family', () => {
  expect(hints([web(), webSlice], '2001:db8:9::9', '2001:db8::10', 30080)).toEqual([
    'node-port web: has the NodePort 30080, but no IPv6 address, so it answers on none',
  ]);
});

test('a NodePort at an address of another node', () => {
  const other = present('Node', nodeObject('node-b', ['192.0.2.11']));
  expect(hints([web(), webSlice, other], CLIENT, '192.0.2.11', 30080)).toEqual([
    'other-node web: has the NodePort 30080, but 192.0.2.11 is an address of Node node-b: that node translates it',
  ]);
});

test('the port of a Service where its NodePort is meant', () => {
  const [first] = hints([web(), webSlice], CLIENT, PUBLIC, 80);
  expect(first).toBe('node-port web: has port 80/TCP, but its NodePort on addresses of nodes is 30080');
});

test('a Service that knat does not handle, and one of a kind that is off', () => {
  const foreign = web({ notOurs: { kind: 'label', label: 'x' } });
  expect(hints([foreign], CLIENT, '192.0.2.50', 80)).toEqual([
    'not-ours web: has this address, but is not handled by knat: label x',
  ]);
  expect(hints([web()], CLIENT, '192.0.2.50', 80, { off: 'service' })).toEqual([
    'switched-off web: has this address, but Service NAT is switched off (--enable)',
  ]);
  expect(hints([mail], CLIENT, PUBLIC, 25, { off: 'pod' })).toEqual([
    'switched-off smtp: asks for 25/TCP, but Pod NAT is switched off (--enable)',
  ]);
});

const udpSlice = slice(['10.244.1.5'], { ports: [{ name: 'dns', protocol: 'UDP', port: portOf(53) }] });
const down = { ready: false };

test.each([
  ['no slice', [], 'it has no EndpointSlice: does its selector match any Pod?'],
  ['empty slices', [slice([])], 'its EndpointSlices are empty: does its selector match any Pod?'],
  [
    'the other family',
    [slice(['fd00::5'])],
    'it has endpoints, but none of IPv4: do its Pods have IPv4 addresses?',
  ],
  [
    'another port',
    [udpSlice],
    'its EndpointSlices have no unnamed port for TCP: do its Pods have the targetPort?',
  ],
  [
    'not ready',
    [slice([endpoint('10.244.1.5', down), endpoint('10.244.2.6', { ...down, terminating: true })])],
    '2 endpoints, and none is ready: Pod mail/smtp, 10.244.2.6 (terminating)',
  ],
])('no endpoint: %s', (_, slices, expected) => {
  const changes = [web(), mail, ...slices.map((one) => present('EndpointSlice', one))];
  expect(hints(changes, CLIENT, '192.0.2.50', 80)).toEqual([`endpoints web: ${expected}`]);
});

test('externalTrafficPolicy Local and endpoints elsewhere', () => {
  const remote = present('EndpointSlice', slice([endpoint('10.244.2.6', { nodeName: 'node-b' })]));
  expect(hints([web({ externalTrafficPolicy: 'Local' }), remote], CLIENT, '192.0.2.50', 80)).toEqual([
    'endpoints web: externalTrafficPolicy Local, and its endpoints are elsewhere: 10.244.2.6 on node-b (pods reach them)',
  ]);
});

test('the hint for a refused source names the allowed sources', () => {
  const closed = web({ loadBalancerSourceRanges: [cidr('203.0.113.0/24'), cidr('192.0.2.0/24')] });
  expect(hints([closed, webSlice], CLIENT, '192.0.2.60', 80)).toEqual([
    'source-ranges web: allows 192.0.2.0/24, 203.0.113.0/24',
  ]);
});

test.each([
  [
    'invalid',
    pod([], { nat: { entries: [], error: 'json: nonsense', warnings: [] } }),
    'no binding, since its annotation is invalid: json: nonsense',
  ],
  ['not ready', pod([natEntry()], { ready: false }), 'asks for 25/TCP, but is not ready'],
  [
    'at its end',
    pod([natEntry()], { terminating: true }),
    'asks for 25/TCP, but has ended or is terminating',
  ],
  [
    'elsewhere',
    pod([natEntry({ interfaceAuto: false, sourceIP: ip(PUBLIC) })], { nodeName: 'node-b' }),
    'asks for 25/TCP, but is on Node node-b',
  ],
  ['without address', pod([natEntry()], { ips: [] }), 'asks for 25/TCP, but has no address yet'],
])('a Pod whose annotation asks for the port: %s', (_, fact, expected) => {
  expect(hints([present('Pod', fact)], CLIENT, PUBLIC, 25)).toEqual([`pod smtp: ${expected}`]);
});

test('a Pod whose namespace may not use Pod NAT', () => {
  const guest = present('Pod', pod([natEntry()], { namespace: 'guests' }));
  expect(hints([guest], CLIENT, PUBLIC, 25, { namespaces: ['mail'] })).toEqual([
    'pod smtp: asks for 25/TCP, but: Pods of namespace guests may not use Pod NAT: an administrator decides that (--pod-nat-namespaces)',
  ]);
});

test('a Pod that gets no public address, and one that is bound to another address', () => {
  const hidden = nodeFacts({ localAddresses: [localAddress(NODE, { eligible: false })] });
  const [refused] = hints([mail], CLIENT, NODE, 25, { facts: hidden });
  expect(refused).toContain('pod smtp: asks for 25/TCP, but: entry 0: this node has no public IPv4 address');
  const second = nodeFacts({ localAddresses: [localAddress(PUBLIC), localAddress('203.0.113.8')] });
  expect(hints([mail], CLIENT, '203.0.113.8', 25, { facts: second })).toEqual([
    `other-address smtp: is bound to ${PUBLIC}:25/TCP, not to this address`,
  ]);
});

test('pools that do not decide', () => {
  const plain = present('IPPool', pool('pods', '10.244.0.0/16'));
  expect(hints([plain], POD, CLIENT, 80)).toEqual([
    'pool pods: 10.244.0.0/16 covers this source, but its natOutgoing is off',
  ]);
  const nat = present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true }));
  expect(hints([nat], POD, CLIENT, 80)).toEqual([]);
  expect(hints([nat], POD, CLIENT, 80, { off: 'egress' })).toEqual([
    'switched-off pods: 10.244.0.0/16 covers this source, but Egress NAT is switched off (--enable)',
  ]);
  const disabled = present('IPPool', pool('old', '10.244.0.0/16', { natOutgoing: true, disabled: true }));
  expect(hints([disabled], POD, CLIENT, 80)).toEqual([
    'pool old: 10.244.0.0/16 covers this source; it is disabled, which changes nothing for NAT',
  ]);
  const vips = present('IPPool', pool('vips', '198.51.100.0/24', { loadBalancerOnly: true }));
  expect(hints([nat, vips], POD, CLIENT, 80)).toEqual([
    'pool vips: 198.51.100.0/24 covers the destination, but is only for load balancers and exempts nothing',
  ]);
  expect(hints([], POD, CLIENT, 80)).toEqual([
    `pool -: ${POD} is a pod's address in no IPPool, so packets to the outside are not translated`,
  ]);
});

test('packets of another node’s pod are translated there', () => {
  const remote = present('Pod', pod([], { nodeName: 'node-b', nat: null }));
  expect(hints([remote], POD, CLIENT, 80)).toEqual([
    'other-node smtp: is on Node node-b: that node translates its packets; ask the agent there',
  ]);
});

test('a packet that fares as it should has no hint', () => {
  const all = [web(), webSlice, mail];
  expect(hints(all, CLIENT, '192.0.2.50', 80)).toEqual([]);
  expect(hints(all, CLIENT, PUBLIC, 25)).toEqual([]);
  expect(hints(all, CLIENT, '203.0.113.99', 80)).toEqual([]);
});
