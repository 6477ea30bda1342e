import { type ApiObject, isJsonObject, type JsonObject, objectAt, textAt, timestamp } from './objects.ts';
import type { ResourceType } from './resource-types.ts';

/** What the server fills in when an object is created, as far as clients can tell the difference. */
export function withDefaults(type: ResourceType, object: ApiObject, serial: number): ApiObject {
  switch (type.group === '' ? type.kind : `${type.group} ${type.kind}`) {
    case 'Service':
      return { ...object, spec: serviceSpec(objectAt(object, 'spec'), serial), status: { loadBalancer: {} } };
    case 'Pod':
      return {
        ...object,
        spec: podSpec(objectAt(object, 'spec')),
        status: { phase: 'Pending', qosClass: 'BestEffort' },
      };
    case 'Namespace':
      return { ...object, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } };
    case 'apiextensions.k8s.io CustomResourceDefinition':
      return { ...object, status: definitionStatus(objectAt(object, 'spec')) };
    case 'events.k8s.io Event':
      return {
        ...object,
        deprecatedSource: {},
        deprecatedFirstTimestamp: null,
        deprecatedLastTimestamp: null,
      };
    case 'discovery.k8s.io EndpointSlice':
      return { ...object, endpoints: object.endpoints ?? null, ports: slicePorts(object) };
    default:
      return type.hasStatus && type.kind !== 'Node' ? withoutStatus(object) : object;
  }
}

function withoutStatus(object: ApiObject): ApiObject {
  const { status: _, ...rest } = object;
  return rest as ApiObject;
}

function serviceSpec(spec: JsonObject, serial: number): JsonObject {
  const type = textAt(spec, 'type') || 'ClusterIP';
  const ports = Array.isArray(spec.ports)
    ? spec.ports.filter(isJsonObject).map((port, index) => ({
        protocol: 'TCP',
        targetPort: port.port,
        ...(type === 'ClusterIP' ? {} : { nodePort: 30_000 + ((serial * 8 + index) % 2768) }),
        ...port,
      }))
    : undefined;
  const rest = {
    ...spec,
    ...(ports === undefined ? {} : { ports }),
    type,
    sessionAffinity: textAt(spec, 'sessionAffinity') || 'None',
  };
  if (type === 'ExternalName') return rest;
  const address =
    textAt(spec, 'clusterIP') || `10.${96 + ((serial >> 16) & 15)}.${(serial >> 8) & 255}.${serial & 255}`;
  const addresses = Array.isArray(spec.clusterIPs) ? spec.clusterIPs : [address];
  return {
    ...rest,
    clusterIP: addresses[0],
    clusterIPs: addresses,
    ipFamilies: spec.ipFamilies ?? addresses.map((each) => (String(each).includes(':') ? 'IPv6' : 'IPv4')),
    ipFamilyPolicy: spec.ipFamilyPolicy ?? 'SingleStack',
    internalTrafficPolicy: spec.internalTrafficPolicy ?? 'Cluster',
    ...(type === 'ClusterIP' ? {} : { externalTrafficPolicy: spec.externalTrafficPolicy ?? 'Cluster' }),
  };
}

/** Every definition is served at once. */
function definitionStatus({ names, versions }: JsonObject): JsonObject {
  const condition = (type: string, reason: string, message: string) => ({
    type,
    status: 'True',
    lastTransitionTime: timestamp(new Date()),
    reason,
    message,
  });
  const stored = Array.isArray(versions) ? versions.filter(isJsonObject).filter((each) => each.storage) : [];
  return {
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
    acceptedNames: names,
    storedVersions: stored.map(({ name }) => name),
  };
}

function podSpec(spec: JsonObject): JsonObject {
  return {
    ...spec,
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
  };
}

function slicePorts({ ports }: ApiObject): unknown {
  if (!Array.isArray(ports)) return null;
  return ports.filter(isJsonObject).map((port) => ({ name: '', protocol: 'TCP', ...port }));
}
