import type { Manifest } from '../cluster/cluster-client.ts';
import { ip } from '../generators/build.ts';
import { ENDPOINTS, NODE, TARGETS } from '../generators/kube-objects.ts';
import { DESTINATIONS, SOURCES } from '../generators/traffic.ts';
import type { Scene, Target } from '../netns/stage.ts';
import type { Way } from './traffic/talker-messages.ts';

/**
 * What is there all the time. The anchors are objects that never change, with all three kinds of NAT in both families: the held
 * connections use them, and so may never break. The random objects beside them are those of `kube-objects.ts`.
 */
const FAMILIES = ['IPv4', 'IPv6'] as const;
const PROTOCOLS = ['TCP', 'UDP'] as const;

const client = { IPv4: ip('198.51.100.9'), IPv6: ip('2001:db8:9::9') };
const outside = { IPv4: ip('198.51.100.80'), IPv6: ip('2001:db8:9::80') };
const clusterIP = { IPv4: ip('10.96.0.77'), IPv6: ip('fd00:96::77') };
const nodeAddress = { IPv4: ip('192.0.2.10'), IPv6: ip('2001:db8::10') };
const bindingAddress = { IPv4: ip('203.0.113.7'), IPv6: ip('2001:db8::10') };
const backends = {
  IPv4: [ip('10.244.1.51'), ip('10.244.1.52')],
  IPv6: [ip('fd00:244::51'), ip('fd00:244::52')],
};
const plainPod = { IPv4: ip('10.244.1.56'), IPv6: ip('fd00:244::56') };
const boundPod = { IPv4: ip('10.244.1.55'), IPv6: ip('fd00:244::55') };
const poolPod = { IPv4: ip('10.66.0.9'), IPv6: ip('fd00:66::9') };
/** Ports of the anchors: of connections that stay, and of those that are answered once. */
const PORTS = {
  kept: { target: 7007, service: 77, node: 30_777 },
  brief: { target: 7008, service: 78, node: 30_778 },
} as const;

/** Connections to the anchors through every kind of NAT; the name says which. */
function ways({ target, service, node }: (typeof PORTS)[keyof typeof PORTS]): readonly Way[] {
  return FAMILIES.flatMap((family) =>
    PROTOCOLS.flatMap((protocol) => {
      const all = [
        ['ClusterIP from outside', client, clusterIP, service],
        ['ClusterIP from a pod', plainPod, clusterIP, service],
        ['NodePort', client, nodeAddress, node],
        ['binding', client, bindingAddress, target],
        ['bound pod', boundPod, outside, target],
        ['pool', poolPod, outside, target],
      ] as const;
      return all.map(([what, source, to, port]) => ({
        key: `${what} ${family} ${protocol}`,
        source: source[family],
        address: to[family],
        port,
        protocol,
      }));
    }),
  );
}

/** Connections that stay: what they use never changes. */
export const heldWays: readonly Way[] = ways(PORTS.kept);

/** Connections that are opened all the time, beside those that the random objects suggest. */
export const dialledAlways: readonly Way[] = ways(PORTS.brief);

function anchorTargets({ target: port }: (typeof PORTS)[keyof typeof PORTS]): readonly Target[] {
  return FAMILIES.flatMap((family) =>
    [...backends[family], boundPod[family], outside[family]].flatMap((address) =>
      PROTOCOLS.map((protocol) => ({ address, protocol, port })),
    ),
  );
}

/** Their ports answer nobody who waits for the end of a connection. */
export const heldPorts: ReadonlySet<number> = new Set(Object.values(PORTS.kept));

/** Listeners that keep their connections and answer every message. */
export const keepers: readonly Target[] = anchorTargets(PORTS.kept);

/** Every other listener, right or wrong. On the node itself nothing listens: the agent would see it. */
export const listeners: readonly Target[] = (() => {
  const away = [...DESTINATIONS.IPv4, ...DESTINATIONS.IPv6].filter(
    (address) => !NODE.addresses.some((own) => own === address),
  );
  const all = [...new Set([...[...ENDPOINTS.IPv4, ...ENDPOINTS.IPv6].map(ip), ...away])];
  const ports = [...new Set([...TARGETS, 24, 80, 30_080])];
  const wrong = all.flatMap((address) =>
    ports.flatMap((port) => PROTOCOLS.map((protocol) => ({ address, protocol, port }))),
  );
  return [...anchorTargets(PORTS.brief), ...wrong];
})();

export const scene: Scene = {
  nodeAddresses: NODE.addresses,
  sources: [
    ...SOURCES.IPv4,
    ...SOURCES.IPv6,
    ...Object.values(client),
    ...Object.values(outside),
    ...listeners.map(({ address }) => address),
  ],
  targets: [],
  behindPods: [
    ...[...ENDPOINTS.IPv4, ...ENDPOINTS.IPv6].map(ip),
    ...FAMILIES.flatMap((family) => [
      ...backends[family],
      plainPod[family],
      boundPod[family],
      poolPod[family],
    ]),
  ],
};

const portsOfAnchor = Object.entries(PORTS).flatMap(([use, ports]) =>
  PROTOCOLS.map((protocol) => ({ ...ports, protocol, name: `${use}-${protocol.toLowerCase()}` })),
);

export const anchors: readonly Manifest[] = [
  {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: NODE.name },
    spec: {},
    status: {
      addresses: NODE.addresses
        .filter((address) => !address.startsWith('203.'))
        .map((address) => ({ type: 'InternalIP', address })),
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'anchor', namespace: 'shop' },
    spec: {
      type: 'NodePort',
      clusterIP: clusterIP.IPv4,
      clusterIPs: Object.values(clusterIP),
      ipFamilies: FAMILIES,
      ipFamilyPolicy: 'RequireDualStack',
      ports: portsOfAnchor.map(({ name, protocol, service, target, node }) => ({
        name,
        protocol,
        port: service,
        targetPort: target,
        nodePort: node,
      })),
    },
  },
  ...FAMILIES.map((family) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `anchor-${family.toLowerCase()}`,
      namespace: 'shop',
      labels: { 'kubernetes.io/service-name': 'anchor' },
    },
    addressType: family,
    ports: portsOfAnchor.map(({ name, protocol, target }) => ({ name, protocol, port: target })),
    endpoints: backends[family].map((address) => ({
      addresses: [address],
      conditions: { ready: true },
      nodeName: NODE.name,
    })),
  })),
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'anchor',
      namespace: 'mail',
      annotations: {
        'bln.space/podnat': JSON.stringify({
          entries: FAMILIES.flatMap((family) =>
            portsOfAnchor.map(({ protocol, target }) => ({
              ifaceAuto: false,
              srcIP: bindingAddress[family],
              srcPort: target,
              dstPort: target,
              proto: protocol.toLowerCase(),
            })),
          ),
        }),
      },
    },
    spec: { nodeName: NODE.name, containers: [{ name: 'main', image: 'none' }] },
    status: {
      phase: 'Running',
      podIP: boundPod.IPv4,
      podIPs: FAMILIES.map((family) => ({ ip: boundPod[family] })),
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  },
  ...(['10.66.0.0/24', 'fd00:66::/64'] as const).map((cidr, index) => ({
    apiVersion: 'knat.dev/v1',
    kind: 'IPPool',
    metadata: { name: `anchor-${index}` },
    spec: { cidr, natOutgoing: true },
  })),
];
