import { spawn } from 'node:child_process';

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
  signal.throwIfAborted();
  const child = spawn('nft', args, { stdio: ['pipe', 'pipe', 'pipe'], signal, env: environment });
  let output = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  child.stdin.on('error', () => {}); // nft may stop reading at its first error; its exit status tells
  child.stdin.end(input);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ENOENT' ? new NftMissing() : error);
    });
    child.once('close', resolve);
  });
  if (status !== 0) throw new NftFailed(`nft ${args.join(' ')} failed (${status}): ${complaint.trim()}`);
  return output;
}

/** Nothing of the caller's environment decides which nft runs and in which language it complains. */
const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
