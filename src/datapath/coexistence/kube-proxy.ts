import { NftablesConnection } from '../../wire/nftables/connection.ts';
import { RouteConnection } from '../../wire/route/connection.ts';
import { type ChainsFinding, IptablesChains, retried } from './iptables-chains.ts';
import { IPVS_INTERFACE, KUBE_PROXY_CHAINS, KUBE_PROXY_TABLE } from './kube-proxy-names.ts';

/** What was found: `table ip kube-proxy (nftables mode)`. */
export interface KubeProxyFinding extends ChainsFinding {
  /** IPVS mode was found, which only kube-proxy itself can remove. */
  readonly ipvs: boolean;
}

/** kube-proxy's rules in the network namespace in which this was opened, whether kube-proxy still runs or not. */
export class KubeProxyRules {
  readonly #nftables = new NftablesConnection();
  readonly #links = new RouteConnection();
  readonly #chains = new IptablesChains(KUBE_PROXY_CHAINS, this.#nftables);

  async find(signal: AbortSignal): Promise<KubeProxyFinding> {
    const own = await retried(async () => this.#ownTables());
    const { found, unseen } = await this.#chains.find(signal);
    const links = await retried(async () => this.#links.links());
    const ipvs = links.some(({ name }) => name === IPVS_INTERFACE);
    return {
      found: [
        ...own.map((family) => `table ${family} ${KUBE_PROXY_TABLE} (nftables mode)`),
        ...found.map((chains) => `${chains} (iptables mode)`),
        ...(ipvs ? [`interface ${IPVS_INTERFACE} (IPVS mode)`] : []),
      ],
      ipvs,
      unseen,
    };
  }

  /**
   * Removes its tables, its chains in shared tables and the jumps to them, but nothing of IPVS mode. Throws Rejected,
   * Busy or ProgramFailed when another program keeps changing the same tables.
   */
  async remove(signal: AbortSignal): Promise<void> {
    await this.#chains.remove(signal, (batch) => {
      for (const family of this.#ownTables()) batch.deleteTable(family, KUBE_PROXY_TABLE);
    });
  }

  close(): void {
    this.#chains.close();
    this.#links.close();
  }

  #ownTables(): ('ip' | 'ip6')[] {
    return (['ip', 'ip6'] as const).filter((family) =>
      this.#nftables.tables(family).some(({ name }) => name === KUBE_PROXY_TABLE),
    );
  }
}
