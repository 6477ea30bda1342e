import { watchNftables } from '../../wire/nftables/monitor.ts';
import { TABLE } from './skeleton.ts';

/** A transaction of somebody else that touched our tables, or events that were lost. */
export interface ForeignChange {
  /** For people: `NFT_MSG_DELTABLE ip knat`, with the process that did it. */
  readonly what: string;
  /** The ruleset's generation that it made; infinite for lost events. */
  readonly generation: number;
}

/**
 * Tells of every transaction that touched our tables and was not committed by the port. Returns how to stop.
 * What the port itself commits is dropped inside the kernel.
 */
export function watchTables(portId: number, onChange: (change: ForeignChange) => void): () => void {
  let touched: string | null = null;
  return watchNftables(
    (event) => {
      if (event.type === 'overrun') onChange({ what: 'notifications were lost', generation: Infinity });
      else if (event.type === 'NFT_MSG_NEWGEN') {
        if (touched !== null) {
          onChange({
            what: `${touched} by ${event.processName || 'the kernel'}`,
            generation: event.generation,
          });
        }
        touched = null;
      } else {
        touched ??= [event.type, event.family, event.table, event.chain ?? event.set ?? ''].join(' ').trim();
      }
    },
    { table: TABLE, ignorePortId: portId },
  );
}
