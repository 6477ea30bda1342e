import { ForwardChains } from '../datapath/coexistence/forward-chains.ts';
import { IptablesChains } from '../datapath/coexistence/iptables-chains.ts';
import { PodRouting } from '../datapath/coexistence/pod-routes.ts';
import { podnatOwner } from '../datapath/coexistence/podnat-controller-names.ts';
import type { Observed } from '../datapath/datapath.ts';
import { NftablesDatapath } from '../datapath/nftables/nftables-datapath.ts';

/** Kernel access of the command line without an agent; loads no code of the agent. */

/** Works with or without a running agent. */
export async function inspectKernel(signal: AbortSignal): Promise<Observed> {
  const datapath = NftablesDatapath.open();
  try {
    return await datapath.inspect(signal);
  } finally {
    datapath.close();
  }
}

/**
 * Lists podnat-controller's chains, one line each; `remove` also removes them.
 *
 * @param prefix its `-resourceprefix`
 */
export async function podnatControllerChains(
  prefix: string,
  remove: boolean,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const rules = new IptablesChains(podnatOwner(prefix));
  try {
    const { found } = await rules.find(signal);
    if (remove && found.length > 0) await rules.remove(signal);
    return found;
  } finally {
    rules.close();
  }
}

export interface CleanedUp {
  /** `ip knat` */
  readonly tables: readonly string[];
  /** Other programs' chains that had a rule of ours: `chain FORWARD of iptables-nft`. */
  readonly rules: readonly string[];
  /** Policy routing rules: `1000: from 10.244.1.5 lookup 77`. */
  readonly routes: readonly string[];
}

/** Removes everything of ours from the kernel. */
export async function cleanUpKernel(signal: AbortSignal): Promise<CleanedUp> {
  const datapath = NftablesDatapath.open();
  const chains = new ForwardChains();
  const routing = new PodRouting();
  try {
    return {
      tables: await datapath.remove(signal),
      rules: await chains.remove(signal),
      routes: await routing.remove(),
    };
  } finally {
    routing.close();
    chains.close();
    datapath.close();
  }
}
