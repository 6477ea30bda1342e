import { expect, test } from 'vitest';
import { parseAddress } from '../net/address.ts';
import { parsePort } from '../net/port.ts';
import type { NamedFacts } from './place.ts';
import { packetOfQuestion } from './question.ts';

const address = (text: string) => parseAddress(text) ?? expect.fail(text);
const port = (number: number) => parsePort(number) ?? expect.fail(String(number));

const service = {
  namespace: 'shop',
  uid: '',
  createdAt: 0,
  notOurs: null,
  externalIPs: [],
  loadBalancerIPs: [],
  loadBalancerSourceRanges: null,
  internalTrafficPolicy: 'Cluster',
  externalTrafficPolicy: 'Cluster',
  affinityTimeoutSeconds: null,
  healthCheckNodePort: null,
} as const;

const pod = {
  labels: {},
  namespace: 'shop',
  uid: '',
  createdAt: 0,
  nodeName: 'n1',
  hostNetwork: false,
  finished: false,
  terminating: false,
  ready: true,
  hostPorts: [],
  nat: null,
} as const;

const facts: NamedFacts = {
  services: new Map([
    [
      'shop/web',
      {
        ...service,
        name: 'web',
        clusterIPs: [address('10.96.0.10'), address('fd96::10')],
        ports: [{ name: 'http', protocol: 'TCP', port: port(80), nodePort: null }],
      },
    ],
    [
      'shop/dns',
      {
        ...service,
        name: 'dns',
        clusterIPs: [address('10.96.0.53')],
        ports: [
          { name: 'udp', protocol: 'UDP', port: port(53), nodePort: null },
          { name: 'tcp', protocol: 'TCP', port: port(53), nodePort: null },
          { name: 'metrics', protocol: 'TCP', port: port(9153), nodePort: null },
        ],
      },
    ],
    [
      'shop/headless',
      { ...service, name: 'headless', notOurs: { kind: 'headless' }, clusterIPs: [], ports: [] },
    ],
  ]),
  pods: new Map([
    ['shop/web-0', { ...pod, name: 'web-0', ips: [address('10.244.1.7'), address('fd44::7')] }],
    ['shop/pending', { ...pod, name: 'pending', ips: [] }],
  ]),
  nodes: new Map([
    [
      'n2',
      {
        name: 'n2',
        uid: '',
        addresses: [
          { type: 'ExternalIP', address: address('203.0.113.2') },
          { type: 'InternalIP', address: address('192.0.2.2') },
        ],
        podCIDRs: [],
        labels: {},
        terminating: false,
        excludedByAutoscaler: false,
      },
    ],
  ]),
  node: { nodeName: 'n1', nodeIPs: [address('192.0.2.1')] },
};

const tcp80 = { protocol: 'TCP', port: 80 };

test.each([
  [
    'addresses',
    { from: '10.1.1.1', to: '1.1.1.1', proto: 'udp', port: '53' },
    { source: '10.1.1.1', destination: '1.1.1.1', protocol: 'UDP', port: 53 },
  ],
  [
    'addresses with ports',
    { from: '10.1.1.1:4000', to: '1.1.1.1:80' },
    { source: '10.1.1.1', destination: '1.1.1.1', ...tcp80, sourcePort: 4000 },
  ],
  [
    'IPv6 in brackets',
    { from: 'FD00::1', to: '[fd96::10]:80' },
    { source: 'fd00::1', destination: 'fd96::10', ...tcp80 },
  ],
  [
    'a Pod and a Service by name',
    { from: 'pod/shop/web-0', to: 'svc/shop/web:http' },
    { source: '10.244.1.7', destination: '10.96.0.10', ...tcp80 },
  ],
  [
    'the family of the address that is given',
    { from: 'fd00::1', to: 'svc/shop/web' },
    { source: 'fd00::1', destination: 'fd96::10', ...tcp80 },
  ],
  [
    'a port that the Service does not list',
    { from: '10.1.1.1', to: 'svc/shop/web:81' },
    { source: '10.1.1.1', destination: '10.96.0.10', protocol: 'TCP', port: 81 },
  ],
  [
    'the name of a port decides the protocol',
    { from: '10.1.1.1', to: 'svc/shop/dns:udp' },
    { source: '10.1.1.1', destination: '10.96.0.53', protocol: 'UDP', port: 53 },
  ],
  [
    'the protocol decides between ports of one number',
    { from: '10.1.1.1', to: 'svc/shop/dns:53', proto: 'tcp' },
    { source: '10.1.1.1', destination: '10.96.0.53', protocol: 'TCP', port: 53 },
  ],
  [
    'the internal address of another node comes first',
    { from: '10.1.1.1', to: 'node/n2:80' },
    { source: '10.1.1.1', destination: '192.0.2.2', ...tcp80 },
  ],
  [
    'this node, of which there is no object',
    { from: 'node/n1', to: '1.1.1.1:80' },
    { source: '192.0.2.1', destination: '1.1.1.1', ...tcp80 },
  ],
])('%s', (_, question, packet) => {
  expect(packetOfQuestion(question, facts)).toEqual(packet);
});

test.each([
  [{ to: '1.1.1.1:80' }, 'from is missing'],
  [{ from: '10.1.1.1' }, 'to is missing'],
  [{ from: '10.1.1', to: '1.1.1.1:80' }, 'from: "10.1.1" is neither an address nor'],
  [{ from: '10.1.1.1', to: 'fd00::1:80:x' }, 'to: "fd00::1:80:x" is neither'],
  [{ from: '10.1.1.1', to: '1.1.1.1' }, 'port is missing'],
  [{ from: '10.1.1.1', to: '1.1.1.1:70000' }, '"70000" is no port from 1 to 65535'],
  [{ from: '10.1.1.1:0', to: '1.1.1.1:80' }, 'from: "0" is no port'],
  [{ from: '10.1.1.1', to: '1.1.1.1:80', port: '81' }, 'port: 81 here, but 80 after the destination'],
  [{ from: '10.1.1.1', to: '1.1.1.1:80', proto: 'igmp' }, 'proto: "igmp" is none of'],
  [{ from: '10.1.1.1', to: '1.1.1.1:80', proto: 'icmp' }, 'port: ICMP has no ports'],
  [{ from: '10.1.1.1', to: '1.1.1.1', icmp: 'pong' }, 'icmp: "pong" is none of echo-request, echo-reply'],
  [{ from: '10.1.1.1', to: '1.1.1.1', proto: 'tcp', icmp: 'echo-request' }, 'proto: tcp is not icmp'],
  [{ from: '10.1.1.1', icmp: 'time-exceeded' }, 'innerFrom is missing'],
  [
    { from: '10.1.1.1', icmp: 'time-exceeded', innerFrom: '10.2.2.2', innerTo: '1.1.1.1:80' },
    'innerFrom: write the port too',
  ],
  [
    {
      from: '10.1.1.1',
      to: '10.3.3.3',
      icmp: 'time-exceeded',
      innerFrom: '10.2.2.2:7',
      innerTo: '1.1.1.1:80',
    },
    'to: an error goes to the sender of the packet inside, 10.2.2.2:7',
  ],
  [
    { from: '10.1.1.1', to: '1.1.1.1', icmp: 'echo-reply', innerTo: '1.1.1.1:80' },
    'innerFrom: only an error',
  ],
  [{ from: '10.1.1.1', to: '1.1.1.1:80', innerTo: '1.1.1.1:80' }, 'icmp is missing'],
  [{ from: '10.1.1.1', to: 'fd00::1', port: '80' }, 'has no address of the IP family of 10.1.1.1'],
  [
    { from: 'pod/shop/web', to: '1.1.1.1:80' },
    'there is no Pod shop/web; there are shop/pending, shop/web-0',
  ],
  [{ from: 'pod/web-0', to: '1.1.1.1:80' }, 'write pod/NAMESPACE/NAME'],
  [{ from: 'pod/shop/pending', to: '1.1.1.1:80' }, 'has no address (yet)'],
  [{ from: 'svc/shop/web', to: '1.1.1.1:80' }, 'a Service sends no packets'],
  [{ from: '10.1.1.1', to: 'svc/shop/headless:80' }, 'has no ClusterIP (headless)'],
  [{ from: '10.1.1.1', to: 'svc/shop/web:https' }, 'has no port "https"; it has http 80/TCP'],
  [{ from: '10.1.1.1', to: 'svc/shop/dns' }, 'several matching ports'],
  [{ from: '10.1.1.1', to: 'svc/shop/dns:53' }, 'several matching ports'],
  [{ from: '10.1.1.1', to: 'node/n3:80' }, 'there is no Node n3; there is n2'],
  [{ from: '10.1.1.1', to: 'job/shop/x:80' }, 'neither an address nor'],
])('%j: %s', (question, message) => {
  expect(packetOfQuestion(question, facts)).toContain(message);
});
