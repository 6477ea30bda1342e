import { release } from 'node:os';
import { NftMissing, runNft } from '../datapath/nftables/nft-program.ts';

/** What knat works with on this machine. */
export interface HostVersions {
  /** Of Node.js. */
  readonly node: string;
  /** Of the nft program; null when it is not installed. */
  readonly nft: string | null;
  /** Kernel release, as `uname -r` prints it. */
  readonly kernel: string;
}

export async function hostVersions(signal: AbortSignal): Promise<HostVersions> {
  const nft = await runNft(['--version'], '', signal).catch((error: unknown) => {
    if (error instanceof NftMissing) return null;
    throw error;
  });
  return {
    node: process.versions.node,
    nft: nft === null ? null : (/v(\S+)/.exec(nft)?.[1] ?? nft.trim()),
    kernel: release(),
  };
}
