import type { RemainingDrop } from '../datapath/coexistence/forward-chains.ts';
import type { Finding } from '../model/finding.ts';
import type { Family } from '../net/family.ts';
import type { PortSpan } from '../net/port.ts';
import type { Prefix } from '../net/prefix.ts';

/** What the kernel can do. */
export interface PlatformFacts {
  readonly kernel: string;
  /** Why knat cannot work here; null: it can. */
  readonly failure: { readonly message: string; readonly remedy: string } | null;
}

/** An interface of this network namespace. */
export interface InterfaceFacts {
  readonly name: string;
  readonly up: boolean;
  /** It has a default route; or its kind allows a way out: it is no loopback, bridge, tunnel or port of a bridge. */
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
  /** Connections that could not be added: ports collided, or the table was full. */
  readonly insertFailed: number;
  /** Packets that were dropped because of this. */
  readonly dropped: number;
}

/** A rule of another program that rewrites sources. */
export interface ForeignSourceNat {
  /** `table ip nat`. */
  readonly table: string;
  readonly chain: string;
  /** `masquerade`, `snat`. */
  readonly action: string;
  /** The program that makes such chains; null: unknown. */
  readonly owner: string | null;
  /** The sources that it matches; null: all, or not matched by a network. */
  readonly source: Prefix | null;
  readonly families: readonly Family[];
  /** Packets that leave by this interface are exempt; null: none. */
  readonly notOut: string | null;
}

/** A rule of another program that excludes packets from connection tracking; null: matches all. */
export interface UntrackedRule {
  readonly table: string;
  readonly chain: string;
  readonly protocols: readonly string[] | null;
  readonly ports: readonly PortSpan[] | null;
  readonly source: Prefix | null;
  readonly destination: Prefix | null;
}

/** Something that prevents NAT on this host; the message has no final stop. */
export interface HostFinding extends Pick<Finding, 'severity' | 'message'> {
  /** What to do: a sentence, or a command. */
  readonly remedy: string;
}

/** What the agent of this namespace reports. */
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

/** All facts for the checks; null: it could not be read, or does not exist. */
export interface HostFacts {
  readonly platform: PlatformFacts;
  readonly interfaces: readonly InterfaceFacts[] | null;
  readonly sysctls: Sysctls;
  readonly conntrack: ConntrackFacts | null;
  readonly foreignSourceNat: readonly ForeignSourceNat[] | null;
  readonly untracked: readonly UntrackedRule[] | null;
  /** Rules of other programs that cannot be read, and why; one line each. */
  readonly unseenRules: readonly string[];
  /** What was found of kube-proxy, one line each. */
  readonly kubeProxy: readonly string[] | null;
  readonly forwardDrops: readonly RemainingDrop[] | null;
  readonly agent: AgentReport | null;
  readonly pools: readonly PoolRange[] | null;
}
