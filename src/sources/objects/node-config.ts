import type { IpAddress } from '../../net/address.ts';
import { type Prefix, parsePrefix } from '../../net/prefix.ts';

/** kube-proxy's values of detectLocalMode: how traffic of pods is recognised. */
export const LOCAL_MODES = ['ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix'] as const;

export type LocalMode = (typeof LOCAL_MODES)[number];

/** True for what can be the name of an interface, or its beginning: IFNAMSIZ, dev_valid_name. */
export function isInterfaceName(text: string): boolean {
  return /^[^\s/:]{1,15}$/u.test(text) && Buffer.byteLength(text) <= 15 && text !== '.' && text !== '..';
}

/** Where NodePorts answer: a network, or the primary address of each family. */
export type NodePortRange = Prefix | 'primary';

/** Every address of both families, for NodePorts. */
export const EVERYWHERE: readonly Prefix[] = ['0.0.0.0/0', '::/0'].flatMap((text) => {
  const prefix = parsePrefix(text);
  return typeof prefix === 'string' ? [] : [prefix];
});

/**
 * The meaning of a word in nodePortAddresses of kube-proxy 1.37; null for another text. `localhost` adds nothing: NodePorts
 * never answer on loopback.
 */
export function nodePortWord(text: string): readonly NodePortRange[] | null {
  switch (text) {
    case 'primary':
      return ['primary'];
    case 'all':
      return EVERYWHERE;
    case 'localhost':
      return [];
    default:
      return null;
  }
}

/** Null where nothing but the primary addresses is meant. */
export function primaryOrRanges(ranges: readonly NodePortRange[]): readonly NodePortRange[] | null {
  const isPrimary = ranges.length > 0 && ranges.every((range) => range === 'primary');
  return isPrimary ? null : ranges;
}

/** The node facts that `--node-config FILE` gives; what the file does not say is absent. */
export interface NodeConfig {
  readonly nodeName?: string;
  /** The primary address of each family, at most one each. */
  readonly nodeIPs?: readonly IpAddress[];
  /** Takes the place of the primary address of its family; kube-proxy's bindAddress, no key of the file. */
  readonly bindAddress?: IpAddress;
  readonly localNodeIPs?: readonly IpAddress[];
  /** Empty: what is a pod is unknown. */
  readonly podCIDRs?: readonly Prefix[];
  /** How pods are recognised; absent: by `podCIDRs`, else by the pod CIDRs of the Node. */
  readonly detectLocalMode?: LocalMode;
  /** With BridgeInterface. */
  readonly podBridgeInterface?: string;
  /** With InterfaceNamePrefix. */
  readonly podInterfaceNamePrefix?: string;
  readonly serviceCIDRs?: readonly Prefix[];
  /** Null: the primary address of each family, which an empty list means. An address may be in several; empty: none. */
  readonly nodePortAddresses?: readonly NodePortRange[] | null;
  readonly masqueradeAll?: boolean;
  readonly topologyLabels?: Readonly<Record<string, string>>;
}
