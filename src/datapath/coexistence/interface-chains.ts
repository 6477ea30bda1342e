import { existsSync } from 'node:fs';
import type { Interface } from '../../netfilter/packet.ts';
import type { NftablesConnection } from '../../wire/nftables/connection.ts';
import { type ChainDeclaration, NFT_TABLE_F_DORMANT } from '../../wire/nftables/declarations.ts';

/** `enum nf_dev_hooks`; and of family inet, NF_INET_INGRESS of `enum nf_inet_hooks`. */
const NETDEV_HOOKS = ['ingress', 'egress'] as const;
const INET_INGRESS = 5;

type End = (typeof NETDEV_HOOKS)[number];
type Family = 'netdev' | 'inet' | 'bridge';

interface InterfaceChain {
  readonly family: Family;
  readonly chain: ChainDeclaration;
}

/** Chains of nf_tables that a packet meets at an interface, outside the hooks of IP. They are named, not examined. */
export class InterfaceChains {
  readonly #chains: readonly InterfaceChain[];

  private constructor(chains: readonly InterfaceChain[]) {
    this.#chains = chains;
  }

  /** In steps of one datagram, put into the function's argument when all are read. */
  static *steps(
    connection: NftablesConnection,
    into: (chains: InterfaceChains) => void,
  ): Generator<undefined> {
    const chains: InterfaceChain[] = [];
    for (const family of ['netdev', 'inet', 'bridge'] as const) {
      const asleep = new Set(
        connection
          .tables(family)
          .filter(({ flags = 0 }) => (flags & NFT_TABLE_F_DORMANT) !== 0)
          .map(({ name }) => name),
      );
      yield* connection.chainSteps(family, (chain) => {
        if (chain.hook !== undefined && doesSomething(chain) && !asleep.has(chain.table))
          chains.push({ family, chain });
      });
    }
    into(new InterfaceChains(chains));
  }

  /** For people: the chains that a packet meets as it comes in, or as it leaves. */
  at(end: End, { name }: Interface): string[] {
    const isBridge = this.#chains.some(({ family }) => family === 'bridge') && isBridgeNamed(name);
    return this.#chains
      .filter(({ family, chain }) => (family === 'bridge' ? isBridge : isAt(family, chain, end, name)))
      .map(
        ({ family, chain }) =>
          `chain ${chain.name} of table ${family} ${chain.table}, which packets at ${name} meet`,
      );
  }
}

/** A chain without rules that accepts does nothing. */
function doesSomething({ use = 0, policy }: ChainDeclaration): boolean {
  return use > 0 || policy === 0;
}

function isAt(family: Family, { hook }: ChainDeclaration, end: End, name: string): boolean {
  const number = hook?.hook ?? -1;
  const hooked = family === 'netdev' ? NETDEV_HOOKS[number] : number === INET_INGRESS ? 'ingress' : undefined;
  if (hooked !== end) return false;
  const devices = hook?.devices ?? (hook?.device === undefined ? [] : [hook.device]);
  return devices.includes(name);
}

function isBridgeNamed(name: string): boolean {
  return existsSync(`/sys/class/net/${name}/bridge`);
}
