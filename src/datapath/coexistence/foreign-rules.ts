import { FAMILIES, type Family } from '../../net/family.ts';
import { Rejected } from '../../wire/errors.ts';
import { NftablesConnection } from '../../wire/nftables/connection.ts';
import { runProgram } from '../program.ts';
import { retried } from './iptables-chains.ts';
import { FLAVOURS, hasLegacyTable, PROGRAMS, programOf, type RunProgram } from './iptables-program.ts';
import type { RuleTable } from './nat-rule.ts';
import { NFT_FAMILIES, nativeTable } from './native-nat.ts';
import { parseSavedNat } from './saved-nat.ts';

/** Numbers of hooks: include/uapi/linux/netfilter.h, `enum nf_inet_hooks`. */
const PREROUTING = 0;
const OUTPUT = 3;
const POSTROUTING = 4;

/** Which rules of others are meant: in iptables by table and chain, in nf_tables by type and hook. */
const KINDS = {
  destination: { table: 'nat', chains: ['PREROUTING'], type: 'nat', hooks: [PREROUTING] },
  source: { table: 'nat', chains: ['POSTROUTING'], type: 'nat', hooks: [POSTROUTING] },
  untracked: { table: 'raw', chains: ['PREROUTING', 'OUTPUT'], type: 'filter', hooks: [PREROUTING, OUTPUT] },
} as const;
export type RuleKind = keyof typeof KINDS;

/** Tables that are no business of the caller: ours, and kube-proxy's, which has a check of its own. */
const LEFT_OUT = /^(knat|knat_.*|kube-proxy)$/;

/** What was read, and what could not be, for people. */
export interface RuleReading {
  readonly tables: readonly RuleTable[];
  readonly unseen: readonly string[];
}

/**
 * The rules of other programs about NAT and connection tracking in this network namespace: of nf_tables over netlink, of
 * both kinds of iptables as their own programs print them.
 */
export class ForeignRules {
  readonly #connection = NftablesConnection.open();
  readonly #run: RunProgram;

  constructor(run: RunProgram = runProgram) {
    this.#run = run;
  }

  async read(kind: RuleKind, signal: AbortSignal): Promise<RuleReading> {
    const tables: RuleTable[] = [];
    const unseen: string[] = [];
    const { table, chains } = KINDS[kind];
    const saved = new Set<string>();
    for (const family of FAMILIES) {
      for (const flavour of FLAVOURS) {
        if (flavour === 'legacy' ? !hasLegacyTable(family, table) : !this.#isOfIptables(family, kind))
          continue;
        const program = await programOf(this.#run, family, flavour, signal);
        const text = program === null ? null : await this.#run([`${program}-save`, '-t', table], '', signal);
        const isThere = text?.includes(`*${table}`) === true;
        if (text !== null && isThere) {
          const rules = parseSavedNat(text, table, family);
          tables.push({ title: program ?? '', name: table, bases: chains, rules });
          if (flavour === 'nft') saved.add(PROGRAMS[family].table);
        } else if (program === null && flavour === 'legacy') {
          unseen.push(
            `the kernel has tables of legacy ${PROGRAMS[family].name}, and no program to read them is installed`,
          );
        }
      }
    }
    const native = await retried(async () => this.#native(kind, saved));
    return { tables: [...tables, ...native], unseen };
  }

  /** True when legacy iptables has a table of the kind: nobody tells of its changes, it has to be looked at. */
  hasLegacy(kind: RuleKind): boolean {
    return FAMILIES.some((family) => hasLegacyTable(family, KINDS[kind].table));
  }

  close(): void {
    this.#connection.close();
  }

  /** @param saved families whose table of iptables was read already */
  #native(kind: RuleKind, saved: ReadonlySet<string>): RuleTable[] {
    const { table: ofIptables, type, hooks } = KINDS[kind];
    return NFT_FAMILIES.flatMap((family) =>
      this.#connection.tables(family).flatMap(({ name = '' }) => {
        if (LEFT_OUT.test(name) || (name === ofIptables && saved.has(family))) return [];
        const isMeant = (chain: { readonly type: string; readonly hook: number }) =>
          chain.type === type && (hooks as readonly number[]).includes(chain.hook);
        try {
          const table = nativeTable(this.#connection, family, name, isMeant);
          return table.bases.length === 0 ? [] : [table];
        } catch (error) {
          if (error instanceof Rejected) return []; // it went meanwhile: there is a notification of that
          throw error;
        }
      }),
    );
  }

  /** iptables-nft prints rules that look something up in a set without that condition: such a table is nft's own. */
  #isOfIptables(family: Family, kind: RuleKind): boolean {
    const { table } = KINDS[kind];
    const name = PROGRAMS[family].table;
    const hasBase = this.#connection
      .chains(name, table)
      .some((chain) => (KINDS[kind].chains as readonly string[]).includes(chain.name ?? ''));
    if (!hasBase) return false;
    return !this.#connection
      .rules(name, table)
      .some(({ expressions = [] }) => expressions.some((expression) => expression.name === 'lookup'));
  }
}
