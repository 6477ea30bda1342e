import type { ExistingFlow } from '../explain/existing.ts';
import type { Packet } from '../explain/packet.ts';
import { familyOf } from '../net/address.ts';
import { protocolNumber } from '../net/protocol.ts';
import { matches } from '../wire/conntrack/filter.ts';
import { visitEveryFlow } from '../wire/conntrack/table.ts';

/** Maximum number of flows in the answer. */
const MOST = 5;

/**
 * Connections with the packet's sender, destination, protocol, destination port and, if given, source port. The longest
 * timeout comes first. Yields to other work while reading the table.
 */
export async function existingFlows(packet: Packet): Promise<readonly ExistingFlow[]> {
  const { source: src, destination: dst, protocol, port: dport, sourcePort: sport } = packet;
  const wanted = {
    family: familyOf(dst),
    protocol: protocolNumber[protocol],
    original: { src, dst, dport, ...(sport === undefined ? {} : { sport }) },
  };
  let found: ExistingFlow[] = [];
  await visitEveryFlow((flow) => {
    if (!matches(wanted, flow)) return;
    found.push(flow.copy());
    if (found.length > 2 * MOST) found = longest(found);
  });
  return longest(found);
}

function longest(flows: readonly ExistingFlow[]): ExistingFlow[] {
  return [...flows].sort((a, b) => (b.timeoutSeconds ?? 0) - (a.timeoutSeconds ?? 0)).slice(0, MOST);
}
