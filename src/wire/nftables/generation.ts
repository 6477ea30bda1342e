import { be32, nest, string } from '../attributes.ts';

/**
 * `enum nft_gen_attributes`. In a notification the process is the one that committed; in the answer to
 * NFT_MSG_GETGEN it is the one that asks.
 */
export const generationAttributes = nest({
  id: [1, 'NFTA_GEN_ID', be32],
  processId: [2, 'NFTA_GEN_PROC_PID', be32],
  processName: [3, 'NFTA_GEN_PROC_NAME', string],
});
