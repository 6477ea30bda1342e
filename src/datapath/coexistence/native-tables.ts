import { addressFromBytes, type IpAddress } from '../../net/address.ts';
import { FAMILIES, type Family } from '../../net/family.ts';
import { maskedPrefix, type Prefix } from '../../net/prefix.ts';
import { protocolFromNumber } from '../../net/protocol.ts';
import { familyOfNumber } from '../../wire/family-number.ts';
import type { NftablesConnection } from '../../wire/nftables/connection.ts';
import type { RuleDeclaration } from '../../wire/nftables/declarations.ts';
import type { SetElement } from '../../wire/nftables/element.ts';
import { type AskedMatch, type AskedNetwork, matchesOf } from '../../wire/nftables/matches.ts';
import type { NftFamily } from '../../wire/nftables/numbers.ts';
import { sourceRewrite, summaryOf } from '../../wire/nftables/rule.ts';
import type { ForeignChain, ForeignRule, ForeignTable, RuleAction, RuleMatch } from './foreign-table.ts';

/** Families of tables that IP packets pass. */
export const NFT_FAMILIES = ['ip', 'ip6', 'inet'] as const satisfies readonly NftFamily[];
export type IpTableFamily = (typeof NFT_FAMILIES)[number];

/** NF_DROP of include/uapi/linux/netfilter.h. */
const NF_DROP = 0;

/** The chains of a table of nf_tables; none where there is no such table. */
export function nativeChains(
  connection: NftablesConnection,
  family: IpTableFamily,
  table: string,
): ForeignChain[] {
  return connection.chains(family, table).map(({ name = '', type = '', hook, policy }) => ({
    name,
    base: hook?.hook === undefined ? null : { type, hook: hook.hook },
    policyDrops: policy === NF_DROP,
  }));
}

/** A table of nf_tables with its rules. */
export function nativeTable(
  connection: NftablesConnection,
  family: IpTableFamily,
  name: string,
): ForeignTable<bigint> {
  const families = family === 'inet' ? FAMILIES : [family === 'ip' ? ('IPv4' as const) : ('IPv6' as const)];
  const elementsOf = (set: string) => connection.elements(family, name, set);
  return {
    title: `table ${family} ${name}`,
    name,
    chains: nativeChains(connection, family, name),
    rules: connection.rules(family, name).map((rule) => new NativeRule(rule, families, elementsOf)),
  };
}

/** What it asks is worked out when somebody looks: that may take the elements of sets. */
class NativeRule implements ForeignRule<bigint> {
  readonly id: bigint;
  readonly chain: string;
  readonly #rule: RuleDeclaration;
  readonly #families: readonly Family[];
  readonly #elementsOf: (set: string) => readonly SetElement[];
  #asked: AskedMatch | null = null;
  #match: RuleMatch | null = null;

  constructor(
    rule: RuleDeclaration,
    families: readonly Family[],
    elementsOf: (set: string) => readonly SetElement[],
  ) {
    this.id = rule.handle ?? 0n;
    this.chain = rule.chain ?? '';
    this.#rule = rule;
    this.#families = families;
    this.#elementsOf = elementsOf;
  }

  get covers(): ForeignRule['covers'] {
    const { matchesAll, matchesTranslated } = summaryOf(this.#rule);
    return matchesAll ? 'all' : matchesTranslated ? 'translated' : 'some';
  }

  get action(): RuleAction {
    const { verdict } = summaryOf(this.#rule);
    if (verdict === 'reject') return { kind: 'drop' };
    if (verdict?.chain !== undefined) {
      return { kind: verdict.code === 'goto' ? 'goto' : 'jump', chain: verdict.chain };
    }
    const { dnat, isUntracked } = this.#asks();
    if (dnat !== null) return { kind: 'dnat', to: addressOf(dnat.to) };
    if (isUntracked) return { kind: 'notrack' };
    const rewrite = sourceRewrite(this.#rule);
    if (rewrite === 'snat' || rewrite === 'masquerade' || rewrite === 'netmap') return { kind: rewrite };
    const code = verdict?.code;
    return code === 'accept' || code === 'drop' || code === 'return' ? { kind: code } : { kind: 'other' };
  }

  get match(): RuleMatch {
    this.#match ??= matchIn(this.#asks(), this.#families);
    return this.#match;
  }

  #asks(): AskedMatch {
    this.#asked ??= matchesOf(this.#rule, this.#elementsOf);
    return this.#asked;
  }
}

function matchIn(asked: AskedMatch, families: readonly Family[]): RuleMatch {
  const own = asked.family === null ? null : familyOfNumber(asked.family);
  const named = familyIn(asked);
  const protocol = asked.protocol === null ? null : protocolFromNumber(asked.protocol);
  return {
    families: families.filter((each) => (own ?? each) === each && (named ?? each) === each),
    protocols: asked.protocol === null ? null : protocol === null ? [] : [protocol],
    ports: asked.ports,
    source: networkOf(asked.source),
    destination: networkOf(asked.destination),
    notOut: asked.notOut,
    isMarked: asked.isMarked,
  };
}

/** The family that the addresses of the rule are of: of the packet, or of where it is sent. */
function familyIn({ source, destination, dnat }: AskedMatch): Family | null {
  const bytes = source?.bytes ?? destination?.bytes ?? dnat?.to ?? null;
  return bytes === null ? null : bytes.length === 4 ? 'IPv4' : 'IPv6';
}

function addressOf(bytes: Uint8Array | null): IpAddress | null {
  return bytes?.length === 4 || bytes?.length === 16 ? addressFromBytes(bytes) : null;
}

function networkOf(asked: AskedNetwork | null): Prefix | null {
  const address = addressOf(asked?.bytes ?? null);
  return address === null ? null : maskedPrefix(address, asked?.length ?? 0);
}
