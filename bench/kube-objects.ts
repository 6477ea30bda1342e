import type { ApiObject, JsonObject } from '../test/cluster/simulator/objects.ts';
import type { ClusterSize } from '../test/generators/large-cluster.ts';

/** The objects of a cluster with every field that a real API server and its controllers write into them. */
export function* clusterObjects({ services, endpoints }: ClusterSize): Generator<ApiObject> {
  yield nodeObject();
  for (let index = 0; index < services; index++) {
    yield serviceObject(index);
    yield sliceObject(index, endpoints);
  }
}

/** The address of a pod by its number in the cluster, in 10.128.0.0/9. */
export function podAddress(number: number): string {
  return `10.${128 + ((number >> 16) & 127)}.${(number >> 8) & 255}.${number & 255}`;
}

/** The ClusterIP of a Service by its number in the cluster. */
export function clusterAddress(index: number): string {
  return `10.${96 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
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

export function serviceObject(index: number): ApiObject {
  const address = clusterAddress(index);
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

/** The only slice of a Service; `shift` moves its last endpoint to another address. */
export function sliceObject(index: number, count: number, shift = 0): ApiObject {
  const pods = Array.from(
    { length: count },
    (_, at) => index * count + at + (at === count - 1 ? shift << 20 : 0),
  );
  return sliceOf(
    index,
    0,
    pods.map((pod) => endpointObject(index, pod)),
  );
}

/** A slice with these endpoints; `serial` distinguishes the slices of one Service. */
export function sliceOf(index: number, serial: number, endpoints: readonly JsonObject[]): ApiObject {
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
    metadata: metadata(index, `${name}-${suffixOf(serial)}`, labels, fields),
    addressType: 'IPv4',
    endpoints,
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  };
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** Five letters, as the controller appends them to the name of the Service: `abcde` for the first slice. */
function suffixOf(serial: number): string {
  return `abc${LETTERS[3 + Math.floor(serial / 26)]}${LETTERS[(4 + serial) % 26]}`;
}

export function endpointObject(index: number, pod: number, isReady = true): JsonObject {
  return {
    addresses: [podAddress(pod)],
    conditions: { ready: isReady, serving: isReady, terminating: false },
    nodeName: `node-${pod % 10}`,
    targetRef: { kind: 'Pod', name: `service-${index}-${pod}`, namespace: `namespace-${index % 100}` },
    zone: 'zone-a',
  };
}

export function nodeObject(): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-0', creationTimestamp: TIME },
    spec: {},
    status: { addresses: [{ type: 'InternalIP', address: '203.0.113.1' }] },
  };
}
