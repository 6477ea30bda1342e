/** Rules of policy routing (`ip rule`): include/uapi/linux/fib_rules.h; numbers in host byte order. */
import { addressFromNumber, familyOf, type IpAddress } from '../../net/address.ts';
import { addressBits, type Family } from '../../net/family.ts';
import type { Prefix } from '../../net/prefix.ts';
import { address, nest, skipped, u8, u32 } from '../attributes.ts';
import type { ByteWriter } from '../bytes.ts';
import { malformed } from '../errors.ts';
import { familyNumber, familyOfNumber } from '../family-number.ts';
import type { Message } from '../messages.ts';

/** `struct fib_rule_hdr`: family, dst_len, src_len, tos, table, two reserved, action, flags (4 bytes). */
const FIB_RULE_HDR = 12;

const FR_ACT_TO_TBL = 1;
const FIB_RULE_INVERT = 0x2;
/** The value of an unset `suppress_prefixlength`: -1. */
const NOT_SUPPRESSED = 0xffff_ffff;
/** The table in the header is one byte; a larger number is only in the attribute. */
const RT_TABLE_COMPAT = 252;

const ruleAttributes = nest({
  source: [2, 'FRA_SRC', address],
  priority: [6, 'FRA_PRIORITY', u32],
  suppressPrefixLength: [14, 'FRA_SUPPRESS_PREFIXLEN', u32],
  table: [15, 'FRA_TABLE', u32],
  padding: [18, 'FRA_PAD', skipped],
  protocol: [21, 'FRA_PROTOCOL', u8],
});

export interface RoutingRule {
  readonly family: Family;
  /** The smallest is asked first; not unique. */
  readonly priority: number;
  /** `from`; length 0 for every source. */
  readonly source: Prefix;
  /** The table that is looked up; null for other actions. */
  readonly table: number | null;
  /** Routes of that table with at most this prefix length are ignored; null: none. */
  readonly suppressPrefixLength: number | null;
  /** The origin (`enum rt_protocols`): 2 kernel, 3 boot, 4 administrator. */
  readonly protocol: number;
  /** The rule matches by more than the source (mark, interface, destination, port, user), or is inverted. */
  readonly hasMoreSelectors: boolean;
}

/** A rule as the kernel has it. */
export interface FoundRule extends RoutingRule {
  /** Selectors by what RTM_GETROUTE is not told of every packet. */
  readonly asks: ReadonlySet<'protocol' | 'source port' | 'port' | 'user' | 'tunnel' | 'flow label'>;
  /** TOS in the header's form, or DSCP shifted to it; 0: any. */
  readonly tos: number;
}

/** FRA_… of fib_rules.h. */
const ASKED = {
  12: 'tunnel',
  20: 'user',
  22: 'protocol',
  23: 'source port',
  24: 'port',
  26: 'flow label',
} as const;
const FRA_DSCP = 25;

/** Reads RTM_NEWRULE or RTM_DELRULE; null for a family other than IP. */
export function readRule(message: Message): FoundRule | null {
  const { bytes, start, end } = message;
  if (end - start < FIB_RULE_HDR) throw malformed('RTM_NEWRULE without fib_rule_hdr');
  const family = familyOfNumber(bytes[start] as number);
  if (family === null) return null;
  const found = ruleAttributes.read(bytes, start + FIB_RULE_HDR, end, 'RTM_NEWRULE');
  const length = bytes[start + 2] as number;
  const source: IpAddress = found.source ?? addressFromNumber(family, 0n);
  if (familyOf(source) !== family || length > addressBits[family]) {
    throw malformed('RTM_NEWRULE: FRA_SRC is not of its family');
  }
  const suppressed = found.suppressPrefixLength ?? NOT_SUPPRESSED;
  const others = found.unknown ?? [];
  const isToTable = bytes[start + 7] === FR_ACT_TO_TBL;
  return {
    family,
    priority: found.priority ?? 0,
    source: { family, address: source, length },
    table: isToTable ? (found.table ?? (bytes[start + 4] as number)) : null,
    suppressPrefixLength: suppressed === NOT_SUPPRESSED ? null : suppressed,
    protocol: found.protocol ?? 0,
    hasMoreSelectors:
      bytes[start + 1] !== 0 ||
      bytes[start + 3] !== 0 ||
      ((bytes[start + 8] as number) & FIB_RULE_INVERT) !== 0 ||
      others.length > 0,
    asks: new Set(others.flatMap(({ type }) => ASKED[type as keyof typeof ASKED] ?? [])),
    tos: (bytes[start + 3] as number) || (others.find(({ type }) => type === FRA_DSCP)?.bytes[0] ?? 0) << 2,
  };
}

/** Writes RTM_NEWRULE or RTM_DELRULE for a rule with a table that matches by source alone. */
export function writeRule(
  writer: ByteWriter,
  { family, source, table, priority, suppressPrefixLength, protocol }: RoutingRule,
): void {
  const number = table ?? 0;
  const inHeader = number < 256 ? number : RT_TABLE_COMPAT;
  writer.raw(
    Uint8Array.of(familyNumber[family], 0, source.length, 0, inHeader, 0, 0, FR_ACT_TO_TBL, 0, 0, 0, 0),
  );
  ruleAttributes.write(writer, {
    ...(source.length === 0 ? {} : { source: source.address }),
    priority,
    ...(suppressPrefixLength === null ? {} : { suppressPrefixLength }),
    table: number,
    protocol,
  });
}
