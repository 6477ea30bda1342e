import { Busy } from '../../wire/errors.ts';
import { NftablesConnection } from '../../wire/nftables/connection.ts';
import { RouteConnection } from '../../wire/route/connection.ts';
import { NftFailed, runNft } from '../nftables/nft-program.ts';
import { signsIn } from './iptables-table.ts';
import { IPVS_INTERFACE, KUBE_PROXY_TABLE } from './kube-proxy-names.ts';
import { readLegacyTables, removeFromLegacy, signedTables } from './legacy-iptables.ts';
import { findInNfTables, nfTablesRemoval } from './nf-tables.ts';

/** What of kube-proxy was found, for people. */
export interface KubeProxyFinding {
  /** One line each: `table ip kube-proxy (nftables mode)`. Empty: there is nothing of it. */
  readonly found: readonly string[];
  /** IPVS mode is among it, which only kube-proxy itself can take away. */
  readonly ipvs: boolean;
  /** What could not be looked at, and why. */
  readonly unseen: readonly string[];
}

/** How often a look or a removal is begun anew when somebody else changes the ruleset meanwhile. */
const ATTEMPTS = 5;

/** kube-proxy's rules in the network namespace in which this was opened, whether it runs or has run. */
export class KubeProxyRules {
  readonly #nftables = NftablesConnection.open();
  readonly #links = RouteConnection.open();

  async find(signal: AbortSignal): Promise<KubeProxyFinding> {
    const { own, shared } = await retried(async () => findInNfTables(this.#nftables));
    const found = own.map((family) => `table ${family} ${KUBE_PROXY_TABLE} (nftables mode)`);
    for (const { family, table, signs } of shared) found.push(chainsIn(`${family} ${table}`, signs));
    const legacy = await readLegacyTables(signal);
    for (const family of legacy.families) {
      for (const table of signedTables(family)) found.push(chainsIn(table.title, signsIn(table).length));
    }
    const links = await retried(async () => this.#links.links());
    const ipvs = links.some(({ name }) => name === IPVS_INTERFACE);
    if (ipvs) found.push(`interface ${IPVS_INTERFACE} (IPVS mode)`);
    const unseen = legacy.unreadable.map(
      (program) => `the kernel has tables of legacy ${program}, and no program to read them is installed`,
    );
    return { found, ipvs, unseen };
  }

  /**
   * Takes away its tables, its chains in tables that others use too, and the jumps to these; nothing else, and nothing
   * of IPVS mode. Each table goes in one transaction. Throws NftFailed or ProgramFailed when somebody keeps changing
   * the same tables.
   */
  async remove(signal: AbortSignal): Promise<void> {
    await retried(async () => {
      const script = nfTablesRemoval(this.#nftables, findInNfTables(this.#nftables));
      if (script !== '') await runNft(['-f', '-'], script, signal);
    });
    const { families } = await readLegacyTables(signal);
    for (const family of families) await removeFromLegacy(family, signal);
  }

  close(): void {
    this.#nftables.close();
    this.#links.close();
  }
}

function chainsIn(table: string, count: number): string {
  return `${count} ${count === 1 ? 'chain' : 'chains'} in table ${table} (iptables mode)`;
}

async function retried<T>(task: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof Busy || error instanceof NftFailed) || attempt === ATTEMPTS) throw error;
    }
  }
}
