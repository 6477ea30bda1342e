import { addressFromBytes, type IpAddress } from '../../net/address.ts';
import { FAMILIES, type Family } from '../../net/family.ts';
import { maskedPrefix, type Prefix } from '../../net/prefix.ts';
import { protocolFromNumber } from '../../net/protocol.ts';
import { familyOfNumber } from '../../wire/family-number.ts';
import type { NftablesConnection } from '../../wire/nftables/connection.ts';
import type { RuleDeclaration } from '../../wire/nftables/declarations.ts';
import { type AskedMatch, type AskedNetwork, matchesOf } from '../../wire/nftables/matches.ts';
import type { NftFamily } from '../../wire/nftables/numbers.ts';
import { jumpTarget, sourceRewrite } from '../../wire/nftables/rule.ts';
import type { NatRule, RuleAction, RuleTable } from './nat-rule.ts';

/** Families of tables that IP packets pass. */
export const NFT_FAMILIES = ['ip', 'ip6', 'inet'] as const satisfies readonly NftFamily[];

/** A table of nf_tables; `hooks` says which of its base chains are meant. */
export function nativeTable(
  connection: NftablesConnection,
  family: (typeof NFT_FAMILIES)[number],
  table: string,
  isMeant: (chain: { readonly type: string; readonly hook: number }) => boolean,
): RuleTable {
  const bases = connection
    .chains(family, table)
    .filter(({ type = '', hook }) => hook?.hook !== undefined && isMeant({ type, hook: hook.hook }))
    .map(({ name = '' }) => name);
  const title = `table ${family} ${table}`;
  if (bases.length === 0) return { title, name: table, bases, rules: [] };
  const families = family === 'inet' ? FAMILIES : [family === 'ip' ? ('IPv4' as const) : ('IPv6' as const)];
  const elementsOf = (set: string) => connection.elements(family, table, set);
  const rules = connection.rules(family, table).map((rule) => readRule(rule, families, elementsOf));
  return { title, name: table, bases, rules };
}

function readRule(
  rule: RuleDeclaration,
  families: readonly Family[],
  elementsOf: Parameters<typeof matchesOf>[1],
): NatRule {
  const asked = matchesOf(rule, elementsOf);
  const own = asked.family === null ? null : familyOfNumber(asked.family);
  const named = familyIn(asked);
  const protocol = asked.protocol === null ? null : protocolFromNumber(asked.protocol);
  return {
    chain: rule.chain ?? '',
    action: actionOf(rule, asked),
    match: {
      families: families.filter((each) => (own ?? each) === each && (named ?? each) === each),
      protocols: asked.protocol === null ? null : protocol === null ? [] : [protocol],
      ports: asked.ports,
      source: prefixOf(asked.source),
      destination: prefixOf(asked.destination),
      notOut: asked.notOut,
      isMarked: asked.isMarked,
    },
  };
}

/** The family that the addresses of the rule are of: of the packet, or of where it is sent. */
function familyIn({ source, destination, dnat }: AskedMatch): Family | null {
  const bytes = source?.bytes ?? destination?.bytes ?? dnat?.to ?? null;
  return bytes === null ? null : bytes.length === 4 ? 'IPv4' : 'IPv6';
}

function actionOf(rule: RuleDeclaration, { dnat, isUntracked }: AskedMatch): RuleAction {
  if (dnat !== null) return { kind: 'dnat', to: addressOf(dnat.to) };
  if (isUntracked) return { kind: 'notrack' };
  const rewrite = sourceRewrite(rule);
  if (rewrite === 'snat' || rewrite === 'masquerade' || rewrite === 'netmap') return { kind: rewrite };
  const chain = jumpTarget(rule);
  return chain === null ? { kind: 'other' } : { kind: 'jump', chain };
}

function addressOf(bytes: Uint8Array | null): IpAddress | null {
  return bytes?.length === 4 || bytes?.length === 16 ? addressFromBytes(bytes) : null;
}

function prefixOf(asked: AskedNetwork | null): Prefix | null {
  const address = addressOf(asked?.bytes ?? null);
  return address === null ? null : maskedPrefix(address, asked?.length ?? 0);
}
