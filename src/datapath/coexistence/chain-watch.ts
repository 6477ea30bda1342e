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

/** Our own tables, including those with temporary names. */
const OWN_TABLES = /^knat(_|$)/;

/**
 * Calls back when another program adds, changes or deletes a table, chain or rule of nf_tables, and when events were
 * lost. Legacy iptables sends no events. Returns a function that stops.
 * @param portId commits of this connection are ignored (the kernel drops their events)
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
