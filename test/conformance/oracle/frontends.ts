import { type Address, address, type Family, familyOfCidr, inCidr, isLoopback } from './addresses.ts';
import type { NodeConfig, Service, ServicePort } from './manifests.ts';

/** One tuple at which a service port answers, or a NodePort, which answers at every address of a set. */
export interface Frontend {
  readonly kind: 'ClusterIP' | 'externalIP' | 'loadBalancerVIP' | 'nodePort';
  readonly service: Service;
  readonly port: ServicePort;
  readonly family: Family;
}

const NOT_OURS = ['service.kubernetes.io/service-proxy-name', 'service.kubernetes.io/headless'];

/** Whether the service proxy serves this Service. */
export function isProxied(service: Service): boolean {
  const labels = service.metadata.labels ?? {};
  return (
    service.spec.type !== 'ExternalName' &&
    (service.spec.clusterIP ?? '') !== '' &&
    service.spec.clusterIP !== 'None' &&
    NOT_OURS.every((label) => labels[label] === undefined)
  );
}

/** Whether a label leaves the Service and its addresses to another proxy. */
export function isOthers({ metadata, spec }: Service): boolean {
  const { type, clusterIP, clusterIPs = [] } = spec;
  const labels = metadata.labels ?? {};
  const isVirtual = type !== 'ExternalName' && clusterIP !== 'None' && clusterIPs[0] !== 'None';
  return isVirtual && NOT_OURS.some((label) => labels[label] !== undefined);
}

/** The Service's ClusterIP of a family. Without one, the Service has no frontend of that family at all. */
export function clusterIPOf(service: Service, family: Family): Address | undefined {
  const { clusterIP, clusterIPs, ipFamilies } = service.spec;
  const stated = clusterIPs ?? (clusterIP === undefined ? [] : [clusterIP]);
  if (ipFamilies === undefined || ipFamilies.length === 0) {
    return stated.map(address).find((candidate) => candidate?.family === family);
  }
  return address(stated[ipFamilies.indexOf(family)]);
}

/** The frontends of a Service that a packet to `destination`, `protocol` and `number` meets. */
export function frontendsAt(
  service: Service,
  destination: Address,
  protocol: string,
  number: number,
  node: NodeConfig,
): readonly Frontend[] {
  const { family } = destination;
  const clusterIP = isProxied(service) ? clusterIPOf(service, family) : undefined;
  if (clusterIP === undefined) {
    return [];
  }
  const found: Frontend[] = [];
  for (const port of service.spec.ports ?? []) {
    if ((port.protocol ?? 'TCP') !== protocol) {
      continue;
    }
    const add = (kind: Frontend['kind']) => found.push({ kind, service, port, family });
    if (port.port === number) {
      if (clusterIP.value === destination.value) {
        add('ClusterIP');
      }
      if (has(service.spec.externalIPs ?? [], destination)) {
        add('externalIP');
      }
      if (has(vipsOf(service), destination)) {
        add('loadBalancerVIP');
      }
    }
    if ((port.nodePort ?? 0) === number && number !== 0 && answersNodePorts(destination, node)) {
      add('nodePort');
    }
  }
  return found;
}

/** The load balancer's addresses that are ours to answer: `ipMode` absent or `VIP`, no host names. */
export function vipsOf(service: Service): readonly string[] {
  return (service.status?.loadBalancer?.ingress ?? []).flatMap((ingress) =>
    ingress.ip !== undefined && (ingress.ipMode ?? 'VIP') === 'VIP' ? [ingress.ip] : [],
  );
}

/** The ranges of the family; entries may be padded with white space. */
export function sourceRangesOf(service: Service, family: Family): readonly string[] {
  return (service.spec.loadBalancerSourceRanges ?? [])
    .map((range) => range.trim())
    .filter((range) => familyOfCidr(range) === family);
}

/** Whether the port is reached by anything but its ClusterIP, as the externalTrafficPolicy needs it. */
export function externalPolicyLocal(service: Service): boolean {
  const { type = 'ClusterIP', externalIPs = [], externalTrafficPolicy } = service.spec;
  const external = type === 'LoadBalancer' || type === 'NodePort' || externalIPs.length > 0;
  return external && externalTrafficPolicy === 'Local';
}

export function isLocalAddress(of: Address, node: NodeConfig): boolean {
  return isLoopback(of) || has(node.localNodeIPs, of);
}

/** The node's primary address of a family, where it has one. */
export function primaryAddress(family: Family, node: NodeConfig): Address | undefined {
  return [node.nodeIP]
    .flat()
    .map(address)
    .find((primary) => primary?.family === family);
}

/** A family without a CIDR has none: the format of the configuration says so, where kube-proxy's would take `::/0`. */
function answersNodePorts(destination: Address, node: NodeConfig): boolean {
  if (isLoopback(destination)) {
    return false;
  }
  const given = node.nodePortAddresses;
  if (given.length === 0 || given[0] === 'primary') {
    return primaryAddress(destination.family, node)?.value === destination.value;
  }
  return given.some((cidr) => inCidr(cidr, destination)) && has(node.localNodeIPs, destination);
}

function has(addresses: readonly string[], wanted: Address): boolean {
  return addresses.some((text) => {
    const candidate = address(text);
    return candidate?.family === wanted.family && candidate.value === wanted.value;
  });
}
