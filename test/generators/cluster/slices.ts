import fc from 'fast-check';
import type { Endpoint, EndpointSlice, Service } from '../../conformance/oracle/manifests.ts';
import { empty, maybe, present, some } from './draw.ts';
import { BACKENDS, NODES, PORT_NAMES, PROTOCOLS, ZONES } from './world.ts';

type Family = 'IPv4' | 'IPv6';

const ready = fc.constantFrom(undefined, null, true, true, true, true, true, true, false);
const condition = fc.constantFrom(undefined, null, true, false);

/** Numbers that become addresses of the slice's family. */
const endpoint: fc.Arbitrary<{ addresses: number[]; rest: Omit<Endpoint, 'addresses'> }> = fc.record({
  addresses: fc.oneof(
    { weight: 9, arbitrary: fc.tuple(fc.nat(5)) },
    // Of several addresses of one endpoint kube-proxy takes the first.
    { weight: 1, arbitrary: fc.array(fc.nat(5), { minLength: 1, maxLength: 2 }) },
  ),
  rest: fc
    .record({
      conditions: empty(fc.record({ ready, serving: condition, terminating: condition }).map(present)),
      nodeName: empty(fc.constantFrom(...NODES)),
      zone: empty(fc.constantFrom(...ZONES)),
      hints: empty(
        fc
          .record({
            forZones: maybe(some(ZONES, 2).map((all) => all.map((name) => ({ name })))),
            forNodes: maybe(some(NODES, 2).map((all) => all.map((name) => ({ name })))),
          })
          .map(present),
      ),
      targetRef: maybe(fc.constant({ kind: 'Pod', name: 'p', namespace: 'ns1' })),
    })
    .map(present),
});

const port = fc
  .record({
    name: maybe(fc.constantFrom(...PORT_NAMES)),
    port: fc.constantFrom(8080, 8080, 8080, 9090, null),
    protocol: maybe(fc.constantFrom(...PROTOCOLS)),
  })
  .map(present);

/** A slice that is drawn before its Services are known. */
export const sliceDraft = fc.record({
  /** As a controller writes it for that Service; else as written by hand, for a Service that may not exist. */
  isOwned: fc.constantFrom(true, true, true, true, false),
  service: fc.nat(3),
  family: fc.nat(1),
  stray: fc.record({
    of: fc.constantFrom('a', 'b', 'gone', undefined),
    namespace: fc.constantFrom('ns1', 'ns2'),
  }),
  labels: fc.constantFrom<Record<string, string>>(
    {},
    {},
    {},
    {},
    { 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' },
    { 'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io' },
    { 'endpointslice.kubernetes.io/managed-by': 'hand', 'service.kubernetes.io/service-proxy-name': 'other' },
  ),
  isFqdn: fc.nat(12).map((drawn) => drawn === 12),
  annotations: maybe(fc.constant({ 'endpoints.kubernetes.io/last-change-trigger-time': 'soon' })),
  hinted: fc.constantFrom('as drawn', 'zones', 'nodes', 'both'),
  endpoints: fc.oneof(
    { weight: 6, arbitrary: fc.array(endpoint, { minLength: 1, maxLength: 4, size: 'max' }) },
    { weight: 1, arbitrary: fc.array(endpoint, { maxLength: 0 }) },
  ),
  ports: maybe(fc.array(port, { maxLength: 4 })),
});

type SliceDraft = typeof sliceDraft extends fc.Arbitrary<infer Value> ? Value : never;

export function sliceOf(draft: SliceDraft, services: readonly Service[], number: number): EndpointSlice {
  const { isOwned, service, stray, labels, isFqdn, annotations, hinted, ports } = draft;
  const owner = isOwned ? services[service % services.length] : undefined;
  const family = familyOf(owner, draft.family);
  const drawn = draft.endpoints.map(({ addresses, rest }) => ({
    addresses: addresses.map((index) => BACKENDS[family][index % BACKENDS[family].length] ?? ''),
    ...rest,
  }));
  const endpoints = isFqdn
    ? drawn.map((one) => ({ ...one, addresses: ['x.example.com'] }))
    : hintedAlike(drawn, hinted);
  const of = owner?.metadata.name ?? stray.of;
  return present({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: present({
      name: `slice-${number}`,
      namespace: owner?.metadata.namespace ?? stray.namespace,
      annotations,
      labels: { ...labels, ...(of === undefined ? {} : { 'kubernetes.io/service-name': of }) },
    }),
    addressType: isFqdn ? 'FQDN' : family,
    endpoints: endpoints.length === 0 ? null : endpoints,
    ports: owner === undefined ? ports : portsFor(owner),
  }) as EndpointSlice;
}

function familyOf(owner: Service | undefined, drawn: number): Family {
  const addresses = owner?.spec.clusterIPs ?? [owner?.spec.clusterIP ?? ''];
  const families: Family[] = addresses.map((text) => (text.includes(':') ? 'IPv6' : 'IPv4'));
  return families[drawn % families.length] ?? 'IPv4';
}

/** Every port of the Service under its name, as a controller writes them. */
function portsFor({ spec }: Service): EndpointSlice['ports'] {
  return (spec.ports ?? []).map(({ name, protocol }) => ({
    ...(name === undefined ? {} : { name }),
    port: 8080,
    ...(protocol === undefined ? {} : { protocol }),
  }));
}

/** All endpoints have hints of the same kind, as a controller writes them: else topology would rarely take effect. */
function hintedAlike(
  endpoints: readonly Endpoint[],
  how: 'as drawn' | 'zones' | 'nodes' | 'both',
): readonly Endpoint[] {
  if (how === 'as drawn') return endpoints;
  return endpoints.map((one, index) => ({
    ...one,
    hints: {
      ...(how === 'nodes' ? {} : { forZones: [{ name: ZONES[index % 2] ?? '' }] }),
      ...(how === 'zones' ? {} : { forNodes: [{ name: one.nodeName ?? 'node-2' }] }),
    },
  }));
}
