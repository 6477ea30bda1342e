import type { RemainingDrop } from '../datapath/coexistence/forward-chains.ts';
import type { Family } from '../net/family.ts';
import type { PortSpan } from '../net/port.ts';
import type { Prefix } from '../net/prefix.ts';
import type { HostFinding } from './finding.ts';

/** What the kernel can do. */
export interface PlatformFacts {
  readonly kernel: string;
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
  /** The sources that it is for; null: all, or not told by a network. */
  readonly source: Prefix | null;
  readonly families: readonly Family[];
  /** Not for what leaves by this interface; null: not asked. */
  readonly notOut: string | null;
}

/** A rule of another program that keeps packets from connection tracking; null: not asked for. */
export interface UntrackedRule {
  readonly table: string;
  readonly chain: string;
  readonly protocols: readonly string[] | null;
  readonly ports: readonly PortSpan[] | null;
  readonly source: Prefix | null;
  readonly destination: Prefix | null;
}

/** What the agent of this namespace says of itself. */
export interface AgentReport {
  readonly synced: boolean;
  readonly failure: string | null;
  /** What it found, as warnings at most: an object that is wrong is no fault of the host. */
  readonly findings: readonly HostFinding[];
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
  readonly untracked: readonly UntrackedRule[] | null;
  /** Rules of others that cannot be read, and why; one line each. */
  readonly unseenRules: readonly string[];
  /** One line for each thing of kube-proxy. */
  readonly kubeProxy: readonly string[] | null;
  readonly forwardDrops: readonly RemainingDrop[] | null;
  readonly agent: AgentReport | null;
  readonly pools: readonly PoolRange[] | null;
}
