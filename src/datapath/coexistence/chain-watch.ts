import { watchNftables } from '../../wire/nftables/monitor.ts';
import type { NftMessage } from '../../wire/nftables/numbers.ts';

const OF_CHAINS: ReadonlySet<NftMessage | 'overrun'> = new Set([
  'NFT_MSG_NEWTABLE',
  'NFT_MSG_DELTABLE',
  'NFT_MSG_NEWCHAIN',
  'NFT_MSG_DELCHAIN',
  'NFT_MSG_NEWRULE',
  'NFT_MSG_DELRULE',
  'overrun',
]);

/** Our own tables, whatever they are called for the moment. */
const OWN_TABLES = /^knat(_|$)/;

/**
 * Calls back when another program adds, changes or deletes a table, chain or rule of nf_tables, and when events were lost.
 * Legacy iptables sends no events. Returns how to stop.
 *
 * @param portId what this connection commits is dropped inside the kernel
 */
export function watchChains(portId: number, onChange: () => void): () => void {
  return watchNftables(
    (event) => {
      if (!OF_CHAINS.has(event.type) || ('table' in event && OWN_TABLES.test(event.table))) return;
      onChange();
    },
    { ignorePortId: portId },
  );
}
