import { addressFromBytes, type IpAddress } from '../../net/address.ts';
import { addressBits, type Family } from '../../net/family.ts';
import { host16, host32 } from '../../wire/bytes.ts';
import { IPTABLES_TARGETS, type RuleAction } from './foreign-table.ts';

/** A target as iptables-nft puts it into a rule: nf_tables_compat.h. */
export interface IptablesTarget {
  readonly name?: string;
  readonly revision?: number;
  readonly info?: Uint8Array;
}

/** NF_NAT_RANGE_MAP_IPS of include/uapi/linux/netfilter/nf_nat.h */
const MAP_IPS = 1;
/** XT_CT_NOTRACK of include/uapi/linux/netfilter/xt_CT.h: `-j NOTRACK` is written as `-j CT --notrack`. */
const CT_NOTRACK = 1;

/** What the target does; null: unknown. @param family of the rule's table */
export function targetAction(target: IptablesTarget, family: Family): RuleAction | null {
  const { name = '', info = new Uint8Array(0) } = target;
  if (name === 'DNAT') return { kind: 'dnat', to: dnatAddress(target, family) };
  if (name === 'CT' && info.length >= 2 && (host16(info, 0) & CT_NOTRACK) !== 0) return { kind: 'notrack' };
  return IPTABLES_TARGETS.get(name) ?? null;
}

/**
 * The only address of a DNAT target; null if it has several or none. Revision 0 of IPv4 is a `nf_nat_ipv4_multi_range_compat`,
 * all others begin as `nf_nat_range` does: flags, first and last address.
 */
function dnatAddress({ revision = 0, info }: IptablesTarget, family: Family): IpAddress | null {
  const isOld = revision === 0 && family === 'IPv4';
  const [flags, first, last] = isOld ? [4, 8, 12] : [0, 4, 20];
  const width = addressBits[family] / 8;
  if (info === undefined || info.length < last + width || (host32(info, flags) & MAP_IPS) === 0) return null;
  const [from, to] = [first, last].map((at) => addressFromBytes(info.subarray(at, at + width)));
  return from === to ? (from ?? null) : null;
}
