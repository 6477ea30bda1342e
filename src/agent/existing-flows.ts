import type { ExistingFlow } from '../explain/existing.ts';
import type { Packet } from '../explain/packet.ts';
import { familyOf } from '../net/address.ts';
import { protocolNumber } from '../net/protocol.ts';
import { ConntrackConnection } from '../wire/conntrack/connection.ts';

/** At most so many are told of; a client may have thousands to one destination. */
const MOST = 5;

/**
 * The connections of this network namespace like the packet's: same sender, destination, protocol and destination port,
 * and source port where the question has one. Those that last longest come first.
 */
export function existingFlows(packet: Packet): readonly ExistingFlow[] {
  const { source: src, destination: dst, protocol, port: dport, sourcePort: sport } = packet;
  const connection = ConntrackConnection.open();
  try {
    return connection
      .entries({
        family: familyOf(dst),
        protocol: protocolNumber[protocol],
        original: { src, dst, dport, ...(sport === undefined ? {} : { sport }) },
      })
      .sort((a, b) => (b.timeoutSeconds ?? 0) - (a.timeoutSeconds ?? 0))
      .slice(0, MOST);
  } finally {
    connection.close();
  }
}

/** As `existingFlows`; null where they cannot be seen: no rights, or no connection tracking. */
export function existingFlowsIfSeen(packet: Packet): readonly ExistingFlow[] | null {
  try {
    return existingFlows(packet);
  } catch {
    return null;
  }
}
