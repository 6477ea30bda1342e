import type { IpAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import type { PortSpan } from '../../net/port.ts';
import type { Prefix } from '../../net/prefix.ts';
import type { Protocol } from '../../net/protocol.ts';

/** The conditions of a rule. Null: the rule has no such condition, or the condition is not understood. */
export interface RuleMatch {
  readonly families: readonly Family[];
  readonly protocols: readonly Protocol[] | null;
  /** Destination ports. */
  readonly ports: readonly PortSpan[] | null;
  readonly source: Prefix | null;
  readonly destination: Prefix | null;
  /** The interface by which the packet leaves must not be this one (`! -o docker0`). */
  readonly notOut: string | null;
  /** The rule asks for a mark, which rules of the same program set. */
  readonly isMarked: boolean;
}

/** A match while the rule is read. */
export type MatchDraft = { -readonly [Key in keyof RuleMatch]: RuleMatch[Key] };

/** Every packet of the families. */
export function matchOfAll(families: readonly Family[]): MatchDraft {
  return {
    families,
    protocols: null,
    ports: null,
    source: null,
    destination: null,
    notOut: null,
    isMarked: false,
  };
}

/** What a rule does with matching packets. `drop`: with or without an answer; `other`: none of these. */
export type RuleAction =
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | { readonly kind: 'dnat'; readonly to: IpAddress | null }
  | {
      readonly kind: 'accept' | 'drop' | 'return' | 'snat' | 'masquerade' | 'netmap' | 'notrack' | 'other';
    };

/** What iptables targets do. An unknown target is a chain (`iptables-save`) or does not matter here. */
export const IPTABLES_TARGETS: ReadonlyMap<string, RuleAction> = new Map<string, RuleAction>([
  ['DNAT', { kind: 'dnat', to: null }],
  ['REDIRECT', { kind: 'dnat', to: null }],
  ['SNAT', { kind: 'snat' }],
  ['MASQUERADE', { kind: 'masquerade' }],
  ['NETMAP', { kind: 'netmap' }],
  ['NOTRACK', { kind: 'notrack' }],
  ['ACCEPT', { kind: 'accept' }],
  ['DROP', { kind: 'drop' }],
  ['REJECT', { kind: 'drop' }],
  ['RETURN', { kind: 'return' }],
  ...['CT', 'MARK', 'CONNMARK', 'LOG'].map((target) => [target, { kind: 'other' }] as const),
]);

/** A rule of another program, in one form for nf_tables and `iptables-save`. */
export interface ForeignRule<Id = unknown> {
  readonly chain: string;
  /** Identifies the rule for deletion: its handle in nf_tables, its line in `iptables-save`. */
  readonly id: Id;
  readonly match: RuleMatch;
  /** Which packets match: all, at least all with a translated destination, or it depends. */
  readonly covers: 'all' | 'translated' | 'some';
  readonly action: RuleAction;
}

export interface ForeignChain {
  readonly name: string;
  /** The type and hook number of a base chain (`enum nf_inet_hooks`); absent when the reader does not know them. */
  readonly base: { readonly type?: string; readonly hook?: number } | null;
  /** The policy of a base chain. */
  readonly policyDrops: boolean;
}

export interface ForeignTable<Id = unknown> {
  /** For messages: `table ip nat`, `nat of iptables-legacy`. */
  readonly title: string;
  /** `nat` */
  readonly name: string;
  readonly chains: readonly ForeignChain[];
  readonly rules: readonly ForeignRule<Id>[];
}
