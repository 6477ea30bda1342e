/**
 * Tables, sets, chains and rules as frozen nodes, written down once. Two renderers read them: netlink.ts for the
 * kernel, text.ts for people. docs/design/ruleset.md tells how to add a rule or a set.
 */
import type { Family } from '../../../net/family.ts';
import type { Prefix } from '../../../net/prefix.ts';
import type { Verdict } from '../../../wire/nftables/element.ts';
import type { Load } from './loads.ts';

/** What is loaded into registers. */
export type Value =
  | Load
  | {
      readonly kind: 'jhash';
      readonly of: readonly Value[];
      readonly modulus: number;
      readonly seed: number;
    }
  | { readonly kind: 'concat'; readonly fields: readonly Value[] }
  | { readonly kind: 'lookup'; readonly key: Value; readonly map: SetNode }
  | {
      /**
       * A piece of the header, of which the result of a lookup takes the end: so it can be a part of the next key. nft sees
       * the piece of the header alone; of a lookup in a concatenation some of its versions (1.0.6) die.
       */
      readonly kind: 'overlay';
      readonly base: Value;
      readonly end: Extract<Value, { kind: 'lookup' }>;
    };

/** What `snat` and `dnat` take from the value that they are given. */
export type NatOperand =
  | 'address'
  | 'address . port'
  /** First and last of both, as a map with `interval` values has them. */
  | 'interval address . port';

export type NatFlag = 'fully-random' | 'port-offset';

export type Statement =
  | {
      readonly kind: 'match';
      readonly value: Value;
      readonly operator: '==' | '!=';
      /** Bytes as the value has them in registers; fewer for the beginning of a name. */
      readonly operand: Uint8Array;
      /** The operand in nft's words. */
      readonly text: string;
    }
  | {
      /** An address lies in a prefix of one bit or more, or not. */
      readonly kind: 'network';
      readonly address: Load;
      readonly prefix: Prefix;
      readonly negated: boolean;
    }
  | {
      /** Of a number of 32 bits, one bit is set, or not. */
      readonly kind: 'bit';
      readonly value: Value;
      readonly bit: number;
      readonly isSet: boolean;
      readonly text: string;
    }
  | {
      /** Of one byte, the bits of the mask are those of `bits`, or not. */
      readonly kind: 'masked';
      readonly value: Load;
      readonly mask: number;
      readonly operator: '==' | '!=';
      readonly bits: number;
      readonly text: string;
    }
  | { readonly kind: 'notrack' }
  | {
      readonly kind: 'member';
      readonly key: Value;
      readonly set: SetNode;
      readonly negated: boolean;
      /** A set that is asked for the first field of the key, before the others are loaded; null: none. */
      readonly guard: SetNode | null;
    }
  | {
      readonly kind: 'vmap';
      readonly key: Value;
      /**
       * A map whose value for the key has two fields, of which the second is looked up in `map`; null: the key itself is.
       * The value takes the place of the key's last two fields: nft takes it for the last, and has no words for it.
       */
      readonly through: SetNode | null;
      readonly map: SetNode;
    }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | {
      readonly kind: 'nat';
      readonly type: 'snat' | 'dnat';
      readonly family: Family;
      readonly to: Value;
      readonly operand: NatOperand;
      /** Ports to choose from: a value of two fields, the first and the last. */
      readonly ports: Value | null;
      readonly flags: readonly NatFlag[];
    }
  | { readonly kind: 'masquerade'; readonly ports: Value | null; readonly flags: readonly NatFlag[] }
  | { readonly kind: 'reject'; readonly family: Family; readonly with: Refusal }
  | {
      /** A packet that changes a set. */
      readonly kind: 'dynset';
      readonly operation: 'update' | 'delete';
      readonly set: SetNode;
      readonly key: Value;
      readonly data: Value | null;
      /** Seconds; null for none. */
      readonly timeout: number | null;
    }
  | {
      /**
       * What session affinity does with the id of an endpoint. One statement, since registers keep the id from one lookup to the
       * next. nft takes the id for a conntrack mark.
       */
      readonly kind: 'affinity';
      readonly family: Family;
      readonly frontend: Value;
      readonly client: Value;
      /** Client → id. */
      readonly clients: SetNode;
      /** Frontend and slot → id, in which a slot is drawn; null: the client's id. */
      readonly draw: { readonly slot: Value; readonly ids: SetNode } | null;
      /** Bits of the id that are kept, and bits that are set then. */
      readonly keep: number;
      readonly set: number;
      /** Translates the destination to what this map has for frontend and id; null: does not. */
      readonly endpoints: SetNode | null;
      /** The element of the client: added if there is none, or made to live on; seconds. */
      readonly remember: { readonly operation: 'add' | 'update'; readonly timeout: number } | null;
    };

/** `no protocol`: ICMP protocol unreachable; IPv6 has port unreachable alone. */
export type Refusal = 'unreachable' | 'no protocol' | 'tcp reset';

export interface RuleNode {
  readonly statements: readonly Statement[];
  readonly comment: string | null;
}

export interface ChainNode {
  readonly name: string;
  readonly comment: string | null;
  /** A base chain's; null for one that others jump to. */
  readonly base: {
    readonly type: 'filter' | 'nat';
    readonly hook: 'prerouting' | 'output' | 'postrouting';
    readonly priority: number;
  } | null;
  readonly rules: readonly RuleNode[];
}

/** A named set or map. */
export interface SetNode {
  readonly name: string;
  /** What a key is; `typeof` in nft's words. */
  readonly key: Value;
  /** What a map's value is; null for a set. */
  readonly data: Value | 'verdict' | null;
  /** Keys are ranges. */
  readonly interval: boolean;
  /** A map's values are ranges: the first of all fields, then the last of all fields. */
  readonly intervalData: boolean;
  /** Filled by packets, with timeouts; so many elements at most. Null for a set that only we fill. */
  readonly dynamicSize: number | null;
  readonly comment: string;
}

export interface TableNode {
  readonly family: Family;
  readonly comment: string;
  readonly sets: readonly SetNode[];
  /** A chain comes after those that it refers to. */
  readonly chains: readonly ChainNode[];
}
