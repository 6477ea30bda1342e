import type { IpAddress } from '../net/address.ts';
import type { PortSpan } from '../net/port.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Protocol } from '../net/protocol.ts';
import type { LabelSelector } from './label-selector.ts';

/** One destination of an EgressRule. */
export interface EgressDestination {
  readonly cidr: Prefix;
  /** Null: all protocols, those without ports too. */
  readonly protocol: Protocol | null;
  /** Null: all ports. Never set without a protocol. */
  readonly ports: PortSpan | null;
}

/**
 * An exclusion, an inclusion, or the choice of an address. Rules are asked in order of priority, then name; the first
 * that matches source and destination decides, and the pools decide where none does. docs/egress.md.
 */
export interface EgressRuleFact {
  readonly name: string;
  /** The lowest is asked first. */
  readonly priority: number;
  /** Why the rule is there, for people; empty where the object does not say. */
  readonly reason: string;
  /** Names of pools that the source lies in; empty: no matter which. */
  readonly pools: readonly string[];
  /** Namespaces of the pods; null: all. */
  readonly namespaceSelector: LabelSelector | null;
  /** Null: all pods. With both selectors null, what is no pod is meant too. */
  readonly podSelector: LabelSelector | null;
  /** Empty: what leaves all pools. */
  readonly to: readonly EgressDestination[];
  readonly action: 'Keep' | 'Masquerade' | 'Snat';
  /** With `Snat`: at least one. */
  readonly addresses: readonly IpAddress[];
  /** With `Snat`: what happens where no address of the rule is on this node, or the pod is not known yet. */
  readonly fallback: 'node' | 'drop';
}
