import fc from 'fast-check';
import type { FactChange, ObjectKind } from '../../src/model/facts.ts';
import { factChange, factKey, parseFact } from '../../src/sources/objects/fact-object.ts';
import { defaultPodNatOptions } from '../../src/sources/objects/metadata.ts';
import { SharedValues } from '../../src/sources/objects/shared.ts';

/**
 * Random histories of two Services, as API objects that the parsers of the sources read: they are created before or after
 * their slices, change type, families, ports, protocols, policies and affinity, and are deleted.
 */

/** The current object of the API; null when it was deleted. */
export interface ObjectChange {
  readonly kind: 'Service' | 'EndpointSlice';
  readonly name: string;
  readonly object: object | null;
}

const NAMES = ['web', 'api'] as const;
const TYPES = ['ClusterIP', 'NodePort', 'LoadBalancer', 'headless', 'ExternalName'] as const;
/** Ports of the endpoints; each has a TCP listener that echoes. */
export const TARGETS = [8080, 8081] as const;
export const ENDPOINTS = {
  IPv4: ['10.244.1.1', '10.244.1.2', '10.244.2.3'],
  IPv6: ['fd00:244::1', 'fd00:244::2', 'fd00:244::3'],
} as const;
const FAMILIES = ['IPv4', 'IPv6'] as const;

const namespace = 'shop';
const often = <T>(usual: T, ...others: T[]) => fc.constantFrom(usual, usual, usual, ...others);
const policy = often('Cluster', 'Local');

/** Two ports: the first is sometimes renamed, the second sometimes has another protocol. */
const ports = (index: number) =>
  fc
    .record({
      first: often('http', 'www'),
      protocol: often('TCP', 'UDP'),
      nodePorts: fc.constantFrom(30080, 30082),
      count: often(2, 1),
    })
    .map(({ first, protocol, nodePorts, count }) =>
      [
        { name: first, protocol: 'TCP', port: 80, nodePort: nodePorts + index },
        { name: 'data', protocol, port: 81, nodePort: nodePorts + 100 + index },
      ].slice(0, count),
    );

const service = (index: number): fc.Arbitrary<object> =>
  fc
    .record({
      type: often<(typeof TYPES)[number]>(...TYPES),
      families: fc.constantFrom(['IPv4'], ['IPv6'], ['IPv4', 'IPv6'], ['IPv6', 'IPv4']),
      ports: ports(index),
      internalTrafficPolicy: policy,
      externalTrafficPolicy: policy,
      affinity: often<number | null>(null, 10, 10_800),
      externalIPs: fc.subarray(['192.0.2.50', '2001:db8::77']),
      ranges: often<string[]>([], ['198.51.100.0/24', '2001:db8:9::/64']),
    })
    .map(({ type, families, ports, affinity, externalIPs, ranges, ...policies }) => {
      const metadata = { name: NAMES[index], namespace };
      const kinds = { apiVersion: 'v1', kind: 'Service', metadata };
      if (type === 'ExternalName') return { ...kinds, spec: { type, externalName: 'example.com' } };
      if (type === 'headless') return { ...kinds, spec: { clusterIP: 'None', clusterIPs: ['None'], ports } };
      const clusterIPs = families.map((family) =>
        family === 'IPv4' ? `10.96.0.1${index}` : `fd00:96::1${index}`,
      );
      const spec = {
        type,
        clusterIP: clusterIPs[0],
        clusterIPs,
        ports: type === 'ClusterIP' ? ports.map(({ nodePort, ...port }) => port) : ports,
        ...policies,
        externalIPs,
        ...(affinity === null
          ? {}
          : {
              sessionAffinity: 'ClientIP',
              sessionAffinityConfig: { clientIP: { timeoutSeconds: affinity } },
            }),
        ...(type === 'LoadBalancer' ? { loadBalancerSourceRanges: ranges } : {}),
      };
      const ingress = [{ ip: `203.0.113.5${index}` }, { ip: '2001:db8::50', ipMode: 'Proxy' }];
      return {
        ...kinds,
        spec,
        ...(type === 'LoadBalancer' ? { status: { loadBalancer: { ingress } } } : {}),
      };
    });

const slice = (owner: (typeof NAMES)[number], family: 'IPv4' | 'IPv6', number: number) =>
  fc
    .record({
      first: often('http', 'www'),
      protocol: often('TCP', 'UDP'),
      endpoints: fc.array(
        fc.record({
          addresses: fc.constantFrom(...ENDPOINTS[family].map((address) => [address])),
          conditions: often<object>(
            {},
            { ready: false, serving: true, terminating: true },
            { ready: false, serving: false },
          ),
          nodeName: fc.constantFrom('node-a', 'node-b'),
        }),
        { maxLength: 3 },
      ),
    })
    .map(({ first, protocol, endpoints }) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: sliceName(owner, family, number),
        namespace,
        labels: { 'kubernetes.io/service-name': owner },
      },
      addressType: family,
      ports: [
        { name: first, protocol: 'TCP', port: TARGETS[0] },
        { name: 'data', protocol, port: TARGETS[1] },
      ],
      endpoints,
    }));

const sliceName = (owner: string, family: string, number: number) =>
  `${owner}-${family.toLowerCase()}-${number}`;

const serviceChange = fc.nat(NAMES.length - 1).chain((index) => {
  const name = NAMES[index] ?? 'web';
  return fc
    .option(service(index), { freq: 5 })
    .map((object): ObjectChange => ({ kind: 'Service', name, object }));
});

const sliceChange = fc
  .tuple(fc.constantFrom(...NAMES), fc.constantFrom(...FAMILIES), fc.nat(1))
  .chain(([owner, family, number]) =>
    fc.option(slice(owner, family, number), { freq: 5 }).map((object): ObjectChange => {
      return { kind: 'EndpointSlice', name: sliceName(owner, family, number), object };
    }),
  );

/** Both Services with every optional field, and ready endpoints of both families: most histories begin with this. */
export const BEGINNING: readonly ObjectChange[] = NAMES.flatMap((name, index): ObjectChange[] => [
  {
    kind: 'Service',
    name,
    object: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: {
        type: 'LoadBalancer',
        clusterIPs: [`10.96.0.1${index}`, `fd00:96::1${index}`],
        ports: [
          { name: 'http', port: 80, nodePort: 30080 + index },
          { name: 'data', port: 81, nodePort: 30180 + index },
        ],
      },
      status: { loadBalancer: { ingress: [{ ip: `203.0.113.5${index}` }] } },
    },
  },
  ...FAMILIES.map((family): ObjectChange => {
    const object = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: sliceName(name, family, 0),
        namespace,
        labels: { 'kubernetes.io/service-name': name },
      },
      addressType: family,
      ports: [
        { name: 'http', port: TARGETS[0] },
        { name: 'data', port: TARGETS[1] },
      ],
      endpoints: ENDPOINTS[family].map((address) => ({ addresses: [address], nodeName: 'node-a' })),
    };
    return { kind: 'EndpointSlice', name: sliceName(name, family, 0), object };
  }),
]);

/** A change of one object. */
export const objectChange: fc.Arbitrary<ObjectChange> = fc.oneof(
  { weight: 2, arbitrary: serviceChange },
  { weight: 3, arbitrary: sliceChange },
);

const shared = new SharedValues();

/** The change as the sources read it. Throws when the object is not valid. */
export function factOf({ kind, name, object }: ObjectChange): FactChange {
  const key = `${namespace}/${name}`;
  if (object === null) return factChange(kind, key, null);
  const context = { shared, podNat: defaultPodNatOptions, debug: () => {} };
  const parsed = parseFact(kind as ObjectKind, object, context);
  if (!parsed.ok) throw new TypeError(parsed.problems.map(({ message }) => message).join('; '));
  return factChange(kind, factKey(kind, object), parsed.fact);
}
