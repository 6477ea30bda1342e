import { NftablesDatapath } from '../datapath/nftables/nftables-datapath.ts';
import { diagnose } from '../doctor/diagnose.ts';
import type { CheckResult } from '../doctor/finding.ts';
import type { HostFacts } from '../doctor/host-facts.ts';
import { lookAtHost } from '../doctor/look.ts';

/**
 * Runs every check of `knat doctor` in the process's network namespace; changes nothing.
 *
 * @param known what only an agent or a source knows
 * @param remedyOf remedy for an error of the datapath
 */
export async function diagnoseHost(
  known: Pick<HostFacts, 'agent' | 'pools' | 'differing'>,
  remedyOf: (error: unknown) => string,
  signal: AbortSignal,
): Promise<readonly CheckResult[]> {
  const datapath = openDatapath();
  try {
    return diagnose({ ...(await lookAtHost(datapath, remedyOf, signal)), ...known });
  } finally {
    if (!(datapath instanceof Error)) datapath.close();
  }
}

function openDatapath(): NftablesDatapath | Error {
  try {
    return NftablesDatapath.open();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
