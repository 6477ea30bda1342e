import type { NftablesConnection } from '../../wire/nftables/connection.ts';
import type { ChainDeclaration, RuleDeclaration } from '../../wire/nftables/declarations.ts';
import type { NftFamily } from '../../wire/nftables/numbers.ts';
import { summaryOf } from '../../wire/nftables/rule.ts';
import { type ForwardChain, type ForwardRule, fateIn } from './forward-fate.ts';

/** Families of tables that IP packets pass. */
const FAMILIES = ['ip', 'ip6', 'inet'] as const satisfies readonly NftFamily[];
export type IpTableFamily = (typeof FAMILIES)[number];

/** NF_INET_FORWARD and NF_DROP of include/uapi/linux/netfilter.h. */
const NF_INET_FORWARD = 2;
const NF_DROP = 0;

/** A chain of nf_tables at the hook forward that drops translated packets. */
export interface NativeDrop {
  readonly family: IpTableFamily;
  readonly table: string;
  readonly chain: string;
  /** `policy drop`, `rule 3`. */
  readonly why: string;
}

/** A base chain at the hook forward. */
export interface ForwardHook {
  readonly family: IpTableFamily;
  readonly table: string;
  readonly chain: string;
}

/** All base chains at the hook forward, iptables-nft's among them. */
export function forwardHooks(connection: NftablesConnection): ForwardHook[] {
  return FAMILIES.flatMap((family) =>
    connection.tables(family).flatMap(({ name: table = '' }) =>
      connection
        .chains(family, table)
        .filter(({ type, hook }) => type === 'filter' && hook?.hook === NF_INET_FORWARD)
        .map(({ name: chain = '' }) => ({ family, table, chain })),
    ),
  );
}

/** What the chain does to translated packets; null when it lets them pass. */
export function nativeDrop(connection: NftablesConnection, hook: ForwardHook): NativeDrop | null {
  const { family, table } = hook;
  const base = connection.chains(family, table).find(({ name }) => name === hook.chain);
  if (base === undefined) return null;
  const fate = fateIn(forwardChain(base, connection.rules(family, table)));
  if (fate.kind === 'pass') return null;
  return { ...hook, why: fate.index === null ? 'policy drop' : `rule ${fate.index + 1}` };
}

function forwardChain(base: ChainDeclaration, rules: readonly RuleDeclaration[]): ForwardChain {
  const chains = new Map<string, ForwardRule[]>();
  for (const rule of rules) {
    const chain = rule.chain ?? '';
    chains.set(chain, [...(chains.get(chain) ?? []), readRule(rule)]);
  }
  return { policyDrops: base.policy === NF_DROP, rules: chains.get(base.name ?? '') ?? [], chains };
}

function readRule(rule: RuleDeclaration): ForwardRule {
  const { verdict, matchesAll, matchesTranslated } = summaryOf(rule);
  if (verdict === null) return { does: 'maybe' };
  const code = verdict === 'reject' ? 'drop' : verdict.code;
  if (code === 'accept') return { does: matchesAll || matchesTranslated ? 'pass' : 'maybe' };
  if (!matchesAll) return { does: 'maybe' };
  const chain = verdict === 'reject' ? undefined : verdict.chain;
  if ((code === 'jump' || code === 'goto') && chain !== undefined) return { does: code, chain };
  return { does: code === 'drop' || code === 'return' ? code : 'maybe' };
}
