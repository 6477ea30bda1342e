import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Manifest } from './cluster-client.ts';

/** Small objects that every API server accepts. */

export function service(name: string, port = 80, labels: Readonly<Record<string, string>> = {}): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop', labels },
    spec: { ports: [{ name: 'http', port, protocol: 'TCP' }] },
  };
}

export function slice(name: string, of: string, addresses: readonly string[]): Manifest {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': of } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  };
}

export function node(name: string, address: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    spec: {},
    status: { addresses: [{ type: 'InternalIP', address }] },
  };
}

export function pod(name: string, nodeName: string, annotation = ''): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'shop',
      annotations: annotation === '' ? {} : { 'bln.space/podnat': annotation },
    },
    spec: { nodeName, containers: [{ name: 'main', image: 'none' }] },
  };
}

export function pool(name: string, cidr: string, apiVersion = 'crd.projectcalico.org/v1'): Manifest {
  return { apiVersion, kind: 'IPPool', metadata: { name }, spec: { cidr, natOutgoing: true } };
}

export function namespace(name: string): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

/** A CustomResourceDefinition of the chart, by its plural. */
export function readDefinition(plural: string): Manifest {
  return parse(readFileSync(`charts/knat/crds/${plural}.yaml`, 'utf8')) as Manifest;
}
