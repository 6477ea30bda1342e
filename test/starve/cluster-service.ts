import { service } from '../cluster/manifests.ts';

/** A Service with these TCP ports. */
export function clusterService(name: string, clusterIP: string, ports: readonly number[]): object {
  const named = ports.map((port, index) => ({
    name: index === 0 ? 'http' : `p${port}`,
    port,
    protocol: 'TCP',
  }));
  return { ...service(name), spec: { clusterIP, clusterIPs: [clusterIP], type: 'ClusterIP', ports: named } };
}
