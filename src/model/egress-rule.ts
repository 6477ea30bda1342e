import type { IpAddress } from '../net/address.ts';
import type { PortSpan } from '../net/port.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Protocol } from '../net/protocol.ts';
import type { LabelSelector } from './label-selector.ts';

export interface EgressDestination {
  readonly cidr: Prefix;
  /** Null: all protocols, including those without ports. */
  readonly protocol: Protocol | null;
  /** Null: all ports. Never set without a protocol. */
  readonly ports: PortSpan | null;
}

/**
 * Rules are asked in order of priority (lowest first), then name; the first that matches source and destination
 * decides. If none does, the pools decide. docs/egress.md.
 */
export interface EgressRuleFact {
  readonly name: string;
  /** Lower priorities are asked first. */
  readonly priority: number;
  readonly reason: string;
  /** Names of pools that contain the source; empty: any source. */
  readonly pools: readonly string[];
  /** Namespaces of the pods; null: all. */
  readonly namespaceSelector: LabelSelector | null;
  /** Null: all pods. With both selectors null, sources that are no pods match too. */
  readonly podSelector: LabelSelector | null;
  /** Empty: everything outside all pools. */
  readonly to: readonly EgressDestination[];
  readonly action: 'Keep' | 'Masquerade' | 'Snat';
  /** With `Snat`: at least one. */
  readonly addresses: readonly IpAddress[];
  /** With `Snat`: used if no address of the rule is on this node, or the pod is not known yet. */
  readonly fallback: 'node' | 'drop';
}
