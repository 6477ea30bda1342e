import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Protocol } from '../../src/net/protocol.ts';
import { ip } from '../generators/build.ts';
import type { Dialled, Scene, Target } from '../netns/stage.ts';

/** A Service and a pod with Pod NAT, of both families, TCP and UDP; each for new connections and for held ones. */

const client = { IPv4: ip('198.51.100.9'), IPv6: ip('2001:db8:9::9') };
const nodeAddress = { IPv4: ip('203.0.113.1'), IPv6: ip('2001:db8:1::1') };
const clusterIP = { IPv4: ip('10.96.0.10'), IPv6: ip('fd00:96::10') };
const endpoints = {
  IPv4: [ip('10.244.1.1'), ip('10.244.1.2')],
  IPv6: [ip('fd00:244:1::1'), ip('fd00:244:1::2')],
};
const pod = { IPv4: ip('10.244.1.5'), IPv6: ip('fd00:244:1::5') };
const FAMILIES = ['IPv4', 'IPv6'] as const;

export const scene: Scene = {
  nodeAddresses: Object.values(nodeAddress),
  sources: Object.values(client),
  targets: FAMILIES.flatMap((family): Target[] => [
    ...endpoints[family].flatMap((address): Target[] => [
      { address, protocol: 'TCP', port: 8080 },
      { address, protocol: 'TCP', port: 8081, echo: true },
      { address, protocol: 'UDP', port: 5353 },
    ]),
    { address: pod[family], protocol: 'TCP', port: 2525 },
    { address: pod[family], protocol: 'TCP', port: 25, echo: true },
    { address: pod[family], protocol: 'UDP', port: 2553 },
  ]),
};

function each(services: readonly [Protocol, number][], bindings: readonly [Protocol, number][]): Dialled[] {
  return FAMILIES.flatMap((family) => [
    ...services.map(([protocol, port]) => ({
      source: client[family],
      address: clusterIP[family],
      protocol,
      port,
    })),
    ...bindings.map(([protocol, port]) => ({
      source: client[family],
      address: nodeAddress[family],
      protocol,
      port,
    })),
  ]);
}

export const dialled = each(
  [
    ['TCP', 80],
    ['UDP', 53],
  ],
  [
    ['TCP', 2525],
    ['UDP', 2553],
  ],
);

export const held = each(
  [
    ['TCP', 81],
    ['UDP', 53],
  ],
  [
    ['TCP', 25],
    ['UDP', 2553],
  ],
);

/** Writes the manifests into a new folder and returns its path. */
export function writeManifests(): string {
  const folder = mkdtempSync(join(tmpdir(), 'knat-test-'));
  writeFileSync(join(folder, 'all.yaml'), manifests());
  return folder;
}

function manifests(): string {
  const entries = FAMILIES.flatMap((family) =>
    [
      ['tcp', 2525],
      ['tcp', 25],
      ['udp', 2553],
    ].map(([proto, port]) => ({
      ifaceAuto: false,
      srcIP: nodeAddress[family],
      srcPort: port,
      dstPort: port,
      proto,
    })),
  );
  const slices = FAMILIES.map(
    (family) => `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-${family.toLowerCase()}, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: ${family}
ports: [{name: http, port: 8080}, {name: echo, port: 8081}, {name: dns, port: 5353, protocol: UDP}]
endpoints: ${JSON.stringify(endpoints[family].map((address) => ({ addresses: [address] })))}
`,
  );
  return `apiVersion: v1
kind: Node
metadata: {name: n1}
spec: {podCIDRs: [10.244.1.0/24, "fd00:244:1::/64"]}
status: {addresses: ${JSON.stringify(Object.values(nodeAddress).map((address) => ({ type: 'InternalIP', address })))}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIP: ${clusterIP.IPv4}
  clusterIPs: ${JSON.stringify(Object.values(clusterIP))}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: echo, port: 81, targetPort: 8081}
  - {name: dns, port: 53, targetPort: 5353, protocol: UDP}
---
apiVersion: v1
kind: Pod
metadata:
  name: mail
  namespace: shop
  annotations:
    bln.space/podnat: '${JSON.stringify({ entries })}'
spec: {nodeName: n1}
status: {podIPs: ${JSON.stringify(Object.values(pod).map((one) => ({ ip: one })))}, conditions: [{type: Ready, status: "True"}]}
${slices.join('')}`;
}
