import { ForwardChains } from '../datapath/coexistence/forward-chains.ts';
import { IptablesChains } from '../datapath/coexistence/iptables-chains.ts';
import { PodRouting } from '../datapath/coexistence/pod-routes.ts';
import { podnatOwner } from '../datapath/coexistence/podnat-controller-names.ts';
import type { Observed } from '../datapath/datapath.ts';
import { NftablesDatapath } from '../datapath/nftables/nftables-datapath.ts';

/** What the command line does with the kernel without an agent; loads nothing of the agent. */

/** Reads what of ours the kernel has, whether an agent runs or not. */
export async function inspectKernel(signal: AbortSignal): Promise<Observed> {
  const datapath = NftablesDatapath.open();
  try {
    return await datapath.inspect(signal);
  } finally {
    datapath.close();
  }
}

/**
 * podnat-controller's chains in the kernel, one line each; with `remove` they are removed.
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

/** What was removed. */
export interface CleanedUp {
  /** `ip knat` */
  readonly tables: readonly string[];
  /** Chains of others in which we had a rule, for people: `chain FORWARD of iptables-nft`. */
  readonly rules: readonly string[];
  /** Rules of policy routing: `1000: from 10.244.1.5 lookup 77`. */
  readonly routes: readonly string[];
}

/** Removes all that is ours from the kernel. */
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
