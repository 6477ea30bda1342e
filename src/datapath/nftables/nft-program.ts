import { endOfProgram, failureText } from '../program.ts';

/** The `nft` program failed: its message, and the input's lines that it complains about. */
export class NftFailed extends Error {
  readonly code = 'KNAT_NFT_FAILED';
  override readonly name = 'NftFailed';
}

/** There is no `nft` program. */
export class NftMissing extends Error {
  readonly code = 'KNAT_NFT_MISSING';
  override readonly name = 'NftMissing';
  constructor() {
    super('the nft program is not installed; install the package nftables');
  }
}

/**
 * Runs `nft` with this input on its standard input and gives what it prints.
 * Throws NftMissing, or NftFailed with what nft says.
 */
export async function runNft(args: readonly string[], input: string, signal: AbortSignal): Promise<string> {
  const words = ['nft', ...args];
  const end = await endOfProgram(words, input, signal);
  if (end === null) throw new NftMissing();
  if (end.status !== 0) throw new NftFailed(failureText(words, end));
  return end.output;
}
