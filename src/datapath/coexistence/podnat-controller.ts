import { NftablesConnection } from '../../wire/nftables/connection.ts';
import { type ChainsFinding, IptablesChains } from './iptables-chains.ts';
import { podnatOwner } from './podnat-controller-names.ts';

/** podnat-controller's rules in the network namespace in which this was opened, whether it runs or has run. */
export class PodnatControllerRules {
  readonly #connection = NftablesConnection.open();
  readonly #chains: IptablesChains;

  /** @param prefix its `-resourceprefix` */
  constructor(prefix: string) {
    this.#chains = new IptablesChains(this.#connection, podnatOwner(prefix));
  }

  async find(signal: AbortSignal): Promise<ChainsFinding> {
    return await this.#chains.find(signal);
  }

  /** Takes away its chains and the jumps to them, and nothing else. Throws Rejected, Busy or ProgramFailed. */
  async remove(signal: AbortSignal): Promise<void> {
    await this.#chains.remove(signal);
  }

  close(): void {
    this.#connection.close();
  }
}
