/** Expectations of a scenario that are not met, and the message that both halves must give for each. */

const SCENE = `title: what is expectedFailures of wrong expectations
source: this repository
node: {name: n1, addresses: [192.0.2.10]}
objects:
  - apiVersion: v1
    kind: Node
    metadata: {name: n1}
    spec: {podCIDRs: [10.244.1.0/24]}
    status: {addresses: [{type: InternalIP, address: 192.0.2.10}]}
  - {apiVersion: knat.dev/v1, kind: IPPool, metadata: {name: pods}, spec: {cidr: 10.244.0.0/16, natOutgoing: true}}
  - apiVersion: v1
    kind: Service
    metadata: {name: web, namespace: shop}
    spec: {type: NodePort, clusterIPs: [10.96.0.10], ports: [{name: http, port: 80, nodePort: 30080}, {name: dns, port: 53, protocol: UDP}]}
  - apiVersion: v1
    kind: Service
    metadata: {name: empty, namespace: shop}
    spec: {clusterIPs: [10.96.0.11], externalTrafficPolicy: Local, externalIPs: [192.0.2.99], ports: [{port: 80}]}
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: empty-1, namespace: shop, labels: {kubernetes.io/service-name: empty}}
    addressType: IPv4
    ports: [{port: 8080}]
    endpoints: [{addresses: [10.244.2.1], nodeName: n2, conditions: {ready: true}}]
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
    addressType: IPv4
    ports: [{name: http, port: 8080}, {name: dns, port: 5353, protocol: UDP}]
    endpoints: [{addresses: [10.244.1.5], conditions: {ready: true}}, {addresses: [10.244.1.6], conditions: {ready: true}}]
steps:
  - name: wrong
    packets:
`;

/** The packet, and the message about it after `FILE:LINE: wrong: PACKET: `. */
const WRONG: readonly (readonly [string, string])[] = [
  ['{from: 10.244.1.9, to: "svc/shop/web:http", verdict: reject}', 'verdict: expected reject, is dnat'],
  ['{from: 10.244.1.9, to: "svc/shop/web:http", verdict: drop}', 'verdict: expected drop, is dnat'],
  [
    '{from: 10.244.1.9, to: "svc/shop/web:http", reaches: "10.244.1.5:8080"}',
    'reaches: expected 10.244.1.5:8080, is 10.244.1.5:8080, 10.244.1.6:8080',
  ],
  [
    '{from: 10.244.1.9, to: "svc/shop/web:dns", reaches: ["10.244.1.5:53", "10.244.1.6:5353"]}',
    'reaches: expected 10.244.1.5:53, 10.244.1.6:5353, is 10.244.1.5:5353, 10.244.1.6:5353',
  ],
  ['{from: 10.244.1.9, to: "svc/shop/web:http", as: node}', 'as: expected node, is 10.244.1.9'],
  ['{from: 10.244.1.9, to: "svc/shop/web:http", masquerade: true}', 'masquerade: expected true, is false'],
  ['{from: 198.51.100.9, to: "192.0.2.10:30080", masquerade: false}', 'masquerade: expected false, is true'],
  [
    '{from: 10.244.1.9, to: "svc/shop/web:http", sticks: true, verdict: dnat}',
    'sticks: expected always the same endpoint, is any of them at random',
  ],
  ['{from: "10.244.1.9:4711", to: "198.51.100.9:443", asPort: 4711}', 'asPort: expected 4711, is '],
  ['{from: 198.51.100.9, to: "svc/shop/empty:80", verdict: dnat}', ''],
  ['{from: 198.51.100.9, to: "192.0.2.99:80", verdict: dnat}', 'verdict: expected dnat, is drop'],
  [
    '{from: 198.51.100.9, to: "192.0.2.99:80", reaches: "10.244.2.1:8080"}',
    'reaches: expected 10.244.2.1:8080, is nobody: dropped',
  ],
  ['{from: 198.51.100.9, to: "10.96.0.10:81", verdict: none}', 'verdict: expected none, is reject'],
  ['{from: 10.244.1.9, to: "198.51.100.9:443", verdict: none}', 'verdict: expected none, is snat'],
  ['{from: 198.51.100.10, to: "198.51.100.9:443", verdict: snat}', 'verdict: expected snat, is none'],
  ['{from: pod/shop/web-0, to: "198.51.100.9:443", verdict: snat}', 'from: there is no Pod shop/web-0'],
];

const FIRST_LINE = SCENE.split('\n').length;

export const FILE = 'wrong.yaml';
export const scenarioText = SCENE + WRONG.map(([packet]) => `      - ${packet}\n`).join('');

/** The place and message of each. */
export const expectedFailures = WRONG.map(([, message], index) => ({
  origin: `${FILE}:${FIRST_LINE + index}`,
  message,
})).filter(({ message }) => message !== '');
