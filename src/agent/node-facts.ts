import type { LocalAddress, NodeFact, NodeFacts } from '../model/node.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import { FAMILIES } from '../net/family.ts';
import { hostPrefix } from '../net/prefix.ts';
import { byRoutes } from '../plan/own-address.ts';
import type { NodeConfig, NodePortRange } from '../sources/objects/node-config.ts';
import { NONE_TAKEN, type TakenPorts } from './taken-ports.ts';

/**
 * Precedence: the configuration, then the interfaces' addresses, then the Node object.
 *
 * @param interfaces this machine's addresses; null if the node is another machine (explain from manifests), then the
 *   addresses of the Node object are used
 * @param host further facts of this machine; empty if the node is another machine
 */
export function composeNodeFacts(
  nodeName: string,
  object: NodeFact | undefined,
  config: NodeConfig,
  interfaces: readonly LocalAddress[] | null,
  host: TakenPorts = NONE_TAKEN,
): NodeFacts {
  const bound = config.bindAddress === undefined ? [] : [config.bindAddress];
  const ofObject = object?.addresses.map(({ address }) => address) ?? [];
  const internal =
    object?.addresses.filter(({ type }) => type === 'InternalIP').map(({ address }) => address) ?? [];
  const reached =
    object?.addresses
      .filter(({ type }) => type === 'InternalIP' || type === 'ExternalIP')
      .map(({ address }) => address) ?? [];
  const nodeIPs = config.nodeIPs ?? primaryAddresses([...bound, ...internal, ...ofObject], interfaces);
  return {
    nodeName,
    nodeIPs,
    ...(interfaces === null && config.localNodeIPs === undefined ? { isPartlyKnown: true } : {}),
    localAddresses:
      config.localNodeIPs !== undefined
        ? assumed(config.localNodeIPs, interfaces)
        : (preferring(reached, interfaces) ?? assumed([...new Set([...nodeIPs, ...ofObject])], null)),
    ...podDetection(config, object),
    podNetworks: [...(config.podCIDRs ?? []), ...(object?.podCIDRs ?? [])],
    serviceCIDRs: config.serviceCIDRs ?? [],
    nodePortAddresses: nodePortPrefixes(config.nodePortAddresses ?? null, nodeIPs),
    masqueradeAll: config.masqueradeAll ?? false,
    topologyLabels: config.topologyLabels ?? object?.labels ?? {},
    ...host,
  };
}

/** The facts of a node that bears further addresses, behind the known ones in preference. */
export function bearing(facts: NodeFacts, further: readonly IpAddress[]): NodeFacts {
  if (further.length === 0) return facts;
  return { ...facts, localAddresses: [...facts.localAddresses, ...assumed(further, null)] };
}

/** Null: only the primary addresses, even if they are not known to belong to this node. */
function nodePortPrefixes(
  wanted: readonly NodePortRange[] | null,
  nodeIPs: readonly IpAddress[],
): NodeFacts['nodePortAddresses'] {
  return wanted?.flatMap((range) => (range === 'primary' ? nodeIPs.map(hostPrefix) : [range])) ?? null;
}

/**
 * How pods are recognised (docs/adr/0007-what-is-a-pod.md):
 * - No mode: by the configured pod CIDRs, otherwise by the Node's pod CIDRs, pools for pods, and this node's Pods,
 *   since Calico's IPAM ignores the Node's CIDRs.
 * - A mode of kube-proxy: by what it names. NodeCIDR means the pods of this node, so its Pods count too.
 */
function podDetection(
  { detectLocalMode, podCIDRs, podBridgeInterface, podInterfaceNamePrefix }: NodeConfig,
  object: NodeFact | undefined,
): Pick<NodeFacts, 'podCIDRs' | 'podAddressesFrom' | 'podInterface'> {
  const byAddress = { podAddressesFrom: [], podInterface: null } as const;
  const byInterface = { podCIDRs: [], podAddressesFrom: [] } as const;
  const ofNode = object?.podCIDRs ?? [];
  switch (detectLocalMode) {
    case undefined:
      if (podCIDRs !== undefined) return { ...byAddress, podCIDRs };
      return { ...byAddress, podCIDRs: ofNode, podAddressesFrom: ['IPPool', 'Pod'] };
    case 'ClusterCIDR':
      return { ...byAddress, podCIDRs: podCIDRs ?? [] };
    case 'NodeCIDR':
      return { ...byAddress, podCIDRs: ofNode, podAddressesFrom: ['Pod'] };
    case 'BridgeInterface':
      return { ...byInterface, podInterface: { name: podBridgeInterface ?? '', isPrefix: false } };
    case 'InterfaceNamePrefix':
      return { ...byInterface, podInterface: { name: podInterfaceNamePrefix ?? '', isPrefix: true } };
    default:
      return detectLocalMode satisfies never;
  }
}

/** The first address of each family: of the Node object, otherwise of an interface with a default route. */
function primaryAddresses(
  ofObject: readonly IpAddress[],
  interfaces: readonly LocalAddress[] | null,
): IpAddress[] {
  return FAMILIES.flatMap((family) => {
    const own = ofObject.find((address) => familyOf(address) === family);
    if (own !== undefined) return [own];
    const candidates =
      interfaces?.filter(({ address, eligible }) => eligible && familyOf(address) === family) ?? [];
    const chosen = candidates.find(({ onDefaultRoute }) => onDefaultRoute) ?? candidates[0];
    return chosen === undefined ? [] : [chosen.address];
  });
}

/** Addresses of the Node object come first, unless routes prefer others, and may be public on any interface. */
function preferring(
  named: readonly IpAddress[],
  interfaces: readonly LocalAddress[] | null,
): LocalAddress[] | null {
  if (interfaces === null) return null;
  const place = new Map(named.map((address, index) => [address, index]));
  const placeOf = ({ address }: LocalAddress) => place.get(address) ?? named.length;
  return interfaces
    .map((local) => (place.has(local.address) ? { ...local, eligible: true } : local))
    .sort((a, b) => byRoutes(a, b) || placeOf(a) - placeOf(b));
}

/** Treats addresses from a configuration or Node object as if they were on an interface with a default route. */
function assumed(
  addresses: readonly IpAddress[],
  interfaces: readonly LocalAddress[] | null,
): LocalAddress[] {
  return addresses.map(
    (address) =>
      interfaces?.find((local) => local.address === address) ?? {
        address,
        interfaceName: '',
        eligible: true,
        onDefaultRoute: true,
        byRoute: null,
      },
  );
}
