/** What a rule does to packets, as far as it can be told without a packet. Verdict maps are not looked into. */
import { host32 } from '../bytes.ts';
import type { RuleDeclaration } from './declarations.ts';
import { type Verdict, verdictOf } from './element.ts';
import { attributesOf, decodeExpression, numbers, type RawExpression } from './expressions.ts';

/** A rule, reduced. */
export interface RuleSummary {
  /** What it does to packets that match; null: none of these, they go on. */
  readonly verdict: Verdict | 'reject' | null;
  /** Every packet matches. */
  readonly matchesAll: boolean;
  /** The only thing that it looks at is whether the destination was translated: `ct status dnat`. */
  readonly matchesTranslated: boolean;
}

/** Expressions that look at no packet; `comment` is a match of iptables-nft. */
const WITHOUT_MATCH: ReadonlySet<string> = new Set(['counter', 'log', 'immediate', 'reject']);

/** `enum ip_conntrack_status` */
const IPS_DST_NAT = 0x20;

export function summaryOf({ expressions = [] }: RuleDeclaration): RuleSummary {
  const matches = expressions.filter(({ name = '' }) => !WITHOUT_MATCH.has(name));
  return {
    verdict: verdictIn(expressions),
    matchesAll: matches.length === 0,
    matchesTranslated: asksForTranslation(matches),
  };
}

function verdictIn(expressions: readonly RawExpression[]): RuleSummary['verdict'] {
  for (const raw of expressions) {
    if (raw.name === 'reject') return 'reject';
    for (const { data } of attributesOf([raw], 'immediate')) {
      if (data?.verdict !== undefined) return verdictOf(data.verdict);
    }
  }
  return null;
}

/** `ct status dnat` is: load the status, mask the bits, compare with 0 (not equal) or with the bit (equal). */
function asksForTranslation(matches: readonly RawExpression[]): boolean {
  if (matches.length !== 3) return false;
  const [load, mask, compare] = matches.map(decodeExpression);
  if (load?.name !== 'ct' || mask?.name !== 'bitwise' || compare?.name !== 'cmp') return false;
  const bits = numberOf(mask.attributes.mask?.value);
  const { operation, data } = compare.attributes;
  const value = numberOf(data?.value);
  if (load.attributes.key !== numbers.ctKey.status || bits === null || (bits & IPS_DST_NAT) === 0)
    return false;
  return operation === numbers.cmp['!=']
    ? value === 0
    : operation === numbers.cmp['=='] && value === IPS_DST_NAT;
}

/** The status is a number of 32 bits in host byte order. */
function numberOf(value: Uint8Array | undefined): number | null {
  return value?.length === 4 ? host32(value, 0) : null;
}

/** Targets of iptables(8) that rewrite sources. */
const TARGETS: ReadonlyMap<string, string> = new Map([
  ['MASQUERADE', 'masquerade'],
  ['SNAT', 'snat'],
  ['NETMAP', 'netmap'],
]);

/** `masquerade`, `snat` or `netmap`; null for a rule that rewrites no source. */
export function sourceRewrite({ expressions = [] }: RuleDeclaration): string | null {
  for (const raw of expressions) {
    if (raw.name === 'masq') return 'masquerade';
    for (const { type } of attributesOf([raw], 'nat')) if (type === numbers.natType.snat) return 'snat';
    for (const { name = '' } of attributesOf([raw], 'target')) {
      const found = TARGETS.get(name);
      if (found !== undefined) return found;
    }
  }
  return null;
}
