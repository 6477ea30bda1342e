/** Rules of policy routing (`ip rule`). include/uapi/linux/fib_rules.h; numbers in host byte order. */
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
/** What `suppress_prefixlength` is where it is not set: -1. */
const NOT_SUPPRESSED = 0xffff_ffff;
/** The table in the header is one byte; a larger number stands in the attribute alone. */
const RT_TABLE_COMPAT = 252;

/** `FRA_…` */
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
  /** The smallest is asked first; several may have the same. */
  readonly priority: number;
  /** `from`; of length 0 for every source. */
  readonly source: Prefix;
  /** The table that the rule sends to; null for every other action. */
  readonly table: number | null;
  /** Routes of that table whose prefix is at most this long are ignored; null: none. */
  readonly suppressPrefixLength: number | null;
  /** Who made it (`enum rt_protocols`): 2 is the kernel, 3 at boot, 4 an administrator. */
  readonly protocol: number;
  /** It matches by more than the source (a mark, an interface, a destination, a port, a user), or is inverted. */
  readonly hasMoreSelectors: boolean;
}

/** The rule that an RTM_NEWRULE or RTM_DELRULE message carries; null for one of neither IP family. */
export function readRule(message: Message): RoutingRule | null {
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
      (found.unknown ?? []).length > 0,
  };
}

/** Appends the payload of RTM_NEWRULE or RTM_DELRULE for a rule that has a table and asks for the source alone. */
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
