import { FAMILIES, type Family } from '../../net/family.ts';
import { Rejected } from '../../wire/errors.ts';
import { NftablesConnection } from '../../wire/nftables/connection.ts';
import { runProgram } from '../program.ts';
import type { ForeignChain } from './foreign-table.ts';
import { retried } from './iptables-chains.ts';
import {
  FLAVOURS,
  hasLookups,
  legacyTables,
  PROGRAMS,
  type RunProgram,
  savedTables,
  unreadable,
} from './iptables-program.ts';
import { NFT_FAMILIES, nativeChains, nativeTable } from './native-tables.ts';
import type { RuleTable } from './reached-rules.ts';

/** Numbers of hooks: include/uapi/linux/netfilter.h, `enum nf_inet_hooks`. */
const PREROUTING = 0;
const OUTPUT = 3;
const POSTROUTING = 4;

/** Which rules of other programs to read: in iptables by table and chain, in nf_tables by type and hook. */
const KINDS = {
  destination: { table: 'nat', chains: ['PREROUTING'], type: 'nat', hooks: [PREROUTING] },
  source: { table: 'nat', chains: ['POSTROUTING'], type: 'nat', hooks: [POSTROUTING] },
  untracked: { table: 'raw', chains: ['PREROUTING', 'OUTPUT'], type: 'filter', hooks: [PREROUTING, OUTPUT] },
} as const;
export type RuleKind = keyof typeof KINDS;

/** Tables that are not read: ours, and kube-proxy's, which has its own check. */
const LEFT_OUT = /^(knat|knat_.*|kube-proxy)$/;

/** Rules that were read, and messages about what could not be read. */
export interface RuleReading {
  readonly tables: readonly RuleTable[];
  readonly unseen: readonly string[];
}

/** Other programs' NAT and conntrack rules here: nf_tables over netlink, iptables through its own programs. */
export class ForeignRules {
  readonly #connection = new NftablesConnection();
  readonly #run: RunProgram;

  constructor(run: RunProgram = runProgram) {
    this.#run = run;
  }

  async read(kind: RuleKind, signal: AbortSignal): Promise<RuleReading> {
    const tables: RuleTable[] = [];
    const unseen: string[] = [];
    const { table, chains: bases } = KINDS[kind];
    const saved = new Set<string>();
    for (const family of FAMILIES) {
      for (const flavour of FLAVOURS) {
        if (flavour === 'legacy' ? !legacyTables(family).includes(table) : !this.#isOfIptables(family, kind))
          continue;
        const found = await savedTables(this.#run, family, flavour, signal, table);
        const ofIptables = found?.tables?.get(table);
        if (found !== null && ofIptables !== undefined) {
          tables.push({ ...ofIptables, title: found.program, bases });
          if (flavour === 'nft') saved.add(PROGRAMS[family].table);
        } else if (found === null && flavour === 'legacy') unseen.push(unreadable(family));
      }
    }
    const native = await retried(async () => this.#native(kind, saved));
    return { tables: [...tables, ...native], unseen };
  }

  /** True when legacy iptables has a table of the kind. It sends no events, so the table must be polled. */
  hasLegacy(kind: RuleKind): boolean {
    return FAMILIES.some((family) => legacyTables(family).includes(KINDS[kind].table));
  }

  close(): void {
    this.#connection.close();
  }

  /** @param saved families whose iptables table was already read */
  #native(kind: RuleKind, saved: ReadonlySet<string>): RuleTable[] {
    const { table: ofIptables, type, hooks } = KINDS[kind];
    return NFT_FAMILIES.flatMap((family) =>
      this.#connection.tables(family).flatMap(({ name = '' }) => {
        if (LEFT_OUT.test(name) || (name === ofIptables && saved.has(family))) return [];
        const isMeant = ({ base }: ForeignChain) =>
          base?.type === type && (hooks as readonly (number | undefined)[]).includes(base.hook);
        try {
          const bases = nativeChains(this.#connection, family, name)
            .filter(isMeant)
            .map((chain) => chain.name);
          return bases.length === 0 ? [] : [{ ...nativeTable(this.#connection, family, name), bases }];
        } catch (error) {
          if (error instanceof Rejected) return []; // it was deleted meanwhile; a notification follows
          throw error;
        }
      }),
    );
  }

  #isOfIptables(family: Family, kind: RuleKind): boolean {
    const { table, chains: bases } = KINDS[kind];
    const chains = this.#connection.chains(PROGRAMS[family].table, table);
    const hasBase = chains.some(({ name = '' }) => (bases as readonly string[]).includes(name));
    return hasBase && !hasLookups(this.#connection, family, table);
  }
}
