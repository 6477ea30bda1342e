import type { IpAddress } from '../net/address.ts';
import type { PortSpan } from '../net/port.ts';
import type { Interface, Mark, PassingPacket } from './packet.ts';
import type { Truth } from './truth.ts';

/** What a rule does with a packet that it matches. An address or ports of null: they stay as they are. */
export type Effect =
  | { readonly kind: 'accept' | 'drop' | 'reject' | 'return' | 'notrack' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | {
      readonly kind: 'dnat' | 'snat';
      readonly address: IpAddress | null;
      readonly ports: PortSpan | 'any' | null;
    }
  | { readonly kind: 'redirect' | 'masquerade'; readonly ports: PortSpan | 'any' | null }
  /** The mark becomes (mark & ~clear) ^ toggle. */
  | { readonly kind: 'mark' | 'connection-mark'; readonly clear: number; readonly toggle: Mark }
  /** What these sets have for the packet is not what they had before. */
  | { readonly kind: 'fill'; readonly sets: readonly string[] }
  /** It may do anything: a queue to a program, a target that knat does not know. */
  | { readonly kind: 'unknown'; readonly text: string };

/** One thing of a rule, in the order of the rule. */
export type Part =
  | { readonly kind: 'if'; holds(packet: PassingPacket): Truth }
  /**
   * Null: nothing is done and the rule ends, as with a map without the key. A text: what it depends on. Several: one of them,
   * by chance.
   */
  | {
      readonly kind: 'do';
      effect(packet: PassingPacket): Effect | string | readonly (Effect | null)[] | null;
    };

/** Where a rule stands, for people. */
export interface RulePlace {
  /** `table ip nat`, `nat of iptables-legacy`. */
  readonly table: string;
  readonly chain: string;
  /** As nft or iptables would print it; `policy drop` for the policy of a chain. */
  readonly text: string;
}

export interface Rule extends RulePlace {
  /** Empty: the rule does nothing that matters to a packet's way, such as one that only counts or logs. */
  readonly parts: readonly Part[];
}

export const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;
export type HookName = (typeof HOOKS)[number];

export interface BaseChain {
  readonly table: string;
  readonly name: string;
  readonly type: 'filter' | 'nat' | 'route';
  readonly hook: HookName;
  readonly priority: number;
  readonly policyDrops: boolean;
  /** The tables of nf_tables in the order in which they were made; null: not known. */
  readonly age: number | null;
}

/** All rules of other programs for one family. */
export interface Ruleset {
  /** Chains at an interface, before or after all hooks, that are not examined: for people. */
  besideHooks(end: 'ingress' | 'egress', one: Interface): readonly string[];
  readonly bases: readonly BaseChain[];
  /** Null: the chain has more rules than are read. */
  rules(base: BaseChain, chain: string): Promise<readonly Rule[] | null>;
}
