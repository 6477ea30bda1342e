import type { RemainingDrop } from '../datapath/coexistence/forward-chains.ts';
import type { Finding } from '../model/finding.ts';
import type { Family } from '../net/family.ts';
import type { PortSpan } from '../net/port.ts';
import type { Prefix } from '../net/prefix.ts';

export interface PlatformFacts {
  readonly kernel: string;
  /** Why knat cannot work here; null: it can. */
  readonly failure: { readonly message: string; readonly remedy: string } | null;
}

export interface InterfaceFacts {
  readonly name: string;
  readonly up: boolean;
  /** It has a default route, or may have one by its kind: it is no loopback, bridge, tunnel or bridge port. */
  readonly isUplink: boolean;
  /** The bridge whose port it is; null: none. */
  readonly bridge: string | null;
  /** Networks of its addresses: 192.0.2.0/24 for 192.0.2.7/24. */
  readonly networks: readonly Prefix[];
}

/** By name in sysctl(8); absent if the kernel has no such parameter. */
export type Sysctls = ReadonlyMap<string, string>;

/** Of this network namespace; counters since it was created. */
export interface ConntrackFacts {
  readonly count: number;
  readonly max: number;
  /** Connections that could not be added: ports collided, or the table was full. */
  readonly insertFailed: number;
  /** Packets dropped because of this. */
  readonly dropped: number;
}

export interface ForeignSourceNat {
  /** `table ip nat`. */
  readonly table: string;
  readonly chain: string;
  /** `masquerade`, `snat`. */
  readonly action: string;
  /** The program that names chains like this; null: unknown. */
  readonly owner: string | null;
  /** Null: all sources, or not matched by a network. */
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

/** The message has no final stop. */
export interface HostFinding extends Pick<Finding, 'severity' | 'message'> {
  /** A sentence or a command. */
  readonly remedy: string;
}

export interface AgentReport {
  readonly synced: boolean;
  readonly failure: string | null;
  /** Warnings at most: a wrong object is no fault of the host. */
  readonly findings: readonly HostFinding[];
}

export interface PoolRange {
  readonly name: string;
  readonly cidr: Prefix;
}

/** Null: unreadable or absent. */
export interface HostFacts {
  readonly platform: PlatformFacts;
  readonly interfaces: readonly InterfaceFacts[] | null;
  readonly sysctls: Sysctls;
  readonly conntrack: ConntrackFacts | null;
  readonly foreignSourceNat: readonly ForeignSourceNat[] | null;
  /** Where other programs give packets of pods another source than the plan; null: not known without an agent or a source. */
  readonly differing: readonly { readonly message: string; readonly remedy: string }[] | null;
  readonly untracked: readonly UntrackedRule[] | null;
  /** Unreadable rules of other programs and the reason, one line each. */
  readonly unseenRules: readonly string[];
  /** kube-proxy's rules, one line each. */
  readonly kubeProxy: readonly string[] | null;
  readonly forwardDrops: readonly RemainingDrop[] | null;
  readonly agent: AgentReport | null;
  readonly pools: readonly PoolRange[] | null;
}
