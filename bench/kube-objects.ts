import type { ApiObject } from '../test/cluster/simulator/objects.ts';
import type { ClusterSize } from '../test/generators/large-cluster.ts';

/** The objects of a cluster with every field that a real API server and its controllers write into them. */
export function* clusterObjects({ services, endpoints }: ClusterSize): Generator<ApiObject> {
  yield nodeObject();
  for (let index = 0; index < services; index++) {
    yield serviceObject(index);
    yield sliceObject(index, endpoints);
  }
}

const TIME = '2026-01-01T00:00:00Z';

function metadata(
  index: number,
  name: string,
  labels: Record<string, string>,
  fields: object,
): ApiObject['metadata'] {
  return {
    name,
    namespace: `namespace-${index % 100}`,
    uid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    creationTimestamp: TIME,
    labels,
    managedFields: [
      {
        manager: 'kube-controller-manager',
        operation: 'Update',
        apiVersion: 'v1',
        time: TIME,
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } }, ...fields },
      },
    ],
  };
}

function serviceObject(index: number): ApiObject {
  const address = `10.${96 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
  const fields = {
    'f:spec': {
      'f:internalTrafficPolicy': {},
      'f:ports': { '.': {}, 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:name': {}, 'f:port': {} } },
      'f:selector': {},
      'f:sessionAffinity': {},
      'f:type': {},
    },
  };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(index, `service-${index}`, { app: `service-${index}` }, fields),
    spec: {
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }],
      selector: { app: `service-${index}` },
      clusterIP: address,
      clusterIPs: [address],
      type: 'ClusterIP',
      sessionAffinity: 'None',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
    },
    status: { loadBalancer: {} },
  };
}

/** The slice of a Service; `shift` moves its last endpoint to another address. */
export function sliceObject(index: number, count: number, shift = 0): ApiObject {
  const name = `service-${index}`;
  const labels = {
    app: name,
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    'kubernetes.io/service-name': name,
  };
  const fields = { 'f:addressType': {}, 'f:endpoints': {}, 'f:ports': {} };
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: metadata(index, `${name}-abcde`, labels, fields),
    addressType: 'IPv4',
    endpoints: Array.from({ length: count }, (_, at) => {
      const number = index * count + at + (at === count - 1 ? shift << 20 : 0);
      return {
        addresses: [`10.${128 + ((number >> 16) & 127)}.${(number >> 8) & 255}.${number & 255}`],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: `node-${at % 10}`,
        targetRef: { kind: 'Pod', name: `${name}-${at}`, namespace: `namespace-${index % 100}` },
        zone: 'zone-a',
      };
    }),
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  };
}

function nodeObject(): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-0', creationTimestamp: TIME },
    spec: {},
    status: { addresses: [{ type: 'InternalIP', address: '203.0.113.1' }] },
  };
}
