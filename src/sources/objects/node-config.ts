import type { IpAddress } from '../../net/address.ts';
import { type Prefix, parsePrefix } from '../../net/prefix.ts';

/** kube-proxy's values of detectLocalMode: how pod traffic is recognised. */
export const LOCAL_MODES = ['ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix'] as const;

export type LocalMode = (typeof LOCAL_MODES)[number];

/** True for an interface name or the beginning of one: IFNAMSIZ, dev_valid_name. */
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
 * A word in nodePortAddresses of kube-proxy 1.37; null for another text. `localhost` adds nothing: NodePorts never
 * answer on loopback.
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

/** Null if only the primary addresses are meant. */
export function primaryOrRanges(ranges: readonly NodePortRange[]): readonly NodePortRange[] | null {
  const isPrimary = ranges.length > 0 && ranges.every((range) => range === 'primary');
  return isPrimary ? null : ranges;
}

/** The node facts that `--node-config FILE` gives; keys missing in the file are absent. */
export interface NodeConfig {
  readonly nodeName?: string;
  readonly nodeIPs?: readonly IpAddress[];
  /** Replaces the primary address of its family; kube-proxy's bindAddress, no key of the file. */
  readonly bindAddress?: IpAddress;
  readonly localNodeIPs?: readonly IpAddress[];
  /** Empty: unknown. */
  readonly podCIDRs?: readonly Prefix[];
  /** How pods are recognised; absent: by `podCIDRs`, else by the pod CIDRs of the Node. */
  readonly detectLocalMode?: LocalMode;
  readonly podBridgeInterface?: string;
  readonly podInterfaceNamePrefix?: string;
  readonly serviceCIDRs?: readonly Prefix[];
  /** Null: the primary address of each family, which an empty list means. An address may be in several; empty: none. */
  readonly nodePortAddresses?: readonly NodePortRange[] | null;
  readonly masqueradeAll?: boolean;
  readonly topologyLabels?: Readonly<Record<string, string>>;
}
