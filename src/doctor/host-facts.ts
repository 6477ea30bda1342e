import type { Prefix } from '../net/prefix.ts';

/** What the kernel and the nft program can do. */
export interface PlatformFacts {
  readonly kernel: string;
  readonly nft: string;
  /** Why knat could not work here; null: it can. */
  readonly failure: { readonly message: string; readonly remedy: string } | null;
}

/** An interface of this network namespace. */
export interface InterfaceFacts {
  readonly name: string;
  readonly up: boolean;
  /** A default route leaves by it; or it may lead to the world by what it is: no loopback, bridge, tunnel or port of a bridge. */
  readonly isUplink: boolean;
  /** Name of the bridge that it is a port of; null for none. */
  readonly bridge: string | null;
  /** The networks of its addresses: for 192.0.2.7/24 it is 192.0.2.0/24. */
  readonly networks: readonly Prefix[];
}

/** Kernel parameters by their names in sysctl(8); absent where the kernel has none of that name. */
export type Sysctls = ReadonlyMap<string, string>;

/** Connection tracking of this network namespace; counters since the namespace was made. */
export interface ConntrackFacts {
  readonly count: number;
  readonly max: number;
  /** Connections that could not be entered: a clash of ports, or a table that is full. */
  readonly insertFailed: number;
  /** Packets lost for that. */
  readonly dropped: number;
}

/** A rule of another program that rewrites sources. */
export interface ForeignSourceNat {
  /** `table ip nat`. */
  readonly table: string;
  readonly chain: string;
  /** `masquerade`, `snat`. */
  readonly action: string;
  /** Who is known to make such chains; null for unknown. */
  readonly owner: string | null;
}

/** A chain of another program that drops translated packets, and no rule lets them pass. */
export interface ForwardDropFacts {
  /** `chain FORWARD of iptables-nft (policy drop)`. */
  readonly where: string;
  readonly remedy: string;
}

/** What the agent of this namespace says of itself. */
export interface AgentFacts {
  readonly synced: boolean;
  readonly failure: string | null;
  readonly problems: number;
  readonly conflicts: number;
}

/** A pool of the plan that is NATed from. */
export interface PoolRange {
  readonly name: string;
  readonly cidr: Prefix;
}

/** All that the checks look at; null: it could not be looked at, or there is none. */
export interface HostFacts {
  readonly platform: PlatformFacts;
  readonly interfaces: readonly InterfaceFacts[] | null;
  readonly sysctls: Sysctls;
  readonly conntrack: ConntrackFacts | null;
  readonly foreignSourceNat: readonly ForeignSourceNat[] | null;
  /** One line for each thing of kube-proxy. */
  readonly kubeProxy: readonly string[] | null;
  readonly forwardDrops: readonly ForwardDropFacts[] | null;
  readonly agent: AgentFacts | null;
  readonly pools: readonly PoolRange[] | null;
}
