import { release } from 'node:os';
import { endOfProgram } from '../datapath/program.ts';

/** Versions that a bug report should contain. */
export interface HostVersions {
  readonly node: string;
  /** Null if the nft program is not installed. */
  readonly nft: string | null;
  /** As `uname -r` prints it. */
  readonly kernel: string;
}

export async function hostVersions(signal: AbortSignal): Promise<HostVersions> {
  const nft = await endOfProgram(['nft', '--version'], '', signal);
  return {
    node: process.versions.node,
    nft: nft === null ? null : (/v(\S+)/.exec(nft.output)?.[1] ?? nft.output.trim()),
    kernel: release(),
  };
}
