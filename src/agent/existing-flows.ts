import { directionIn, type ExistingFlow } from '../explain/existing.ts';
import type { Packet } from '../explain/packet.ts';
import { familyOf } from '../net/address.ts';
import { protocolNumber } from '../net/protocol.ts';
import { ConntrackConnection } from '../wire/conntrack/connection.ts';
import type { FlowTuple } from '../wire/conntrack/entry.ts';
import { visitEveryFlow } from '../wire/conntrack/table.ts';

/** Maximum number of flows in the answer. */
const MOST = 5;

/** The two tuples of a flow. */
type Tuples = Pick<ExistingFlow, 'original' | 'reply'>;

/** Null: conntrack cannot be read. @param isAsPlanned whether a new connection would be translated as this flow is */
export type LookForFlows = (
  packet: Packet,
  isAsPlanned: (flow: Tuples) => boolean,
) => Promise<readonly ExistingFlow[] | null>;

/**
 * Connections to which the packet belongs, in either direction. With a source port the kernel is asked for the one entry;
 * without, the whole table is read, in turns with other work. Those that are not as planned come first, then those with
 * the longest timeout.
 */
export async function existingFlows(
  packet: Packet,
  isAsPlanned: (flow: Tuples) => boolean,
): Promise<readonly ExistingFlow[]> {
  const told = (flow: Tuples & Pick<ExistingFlow, 'timeoutSeconds'>): ExistingFlow | null => {
    const direction = directionIn(packet, flow);
    if (direction === null) return null;
    const { original, reply, timeoutSeconds } = flow;
    return {
      original,
      reply,
      timeoutSeconds,
      direction,
      asPlanned: direction === 'original' && isAsPlanned(flow),
    };
  };
  const { source: src, destination: dst, protocol, port: dport, sourcePort: sport } = packet;
  if (sport !== undefined) {
    const only = theOne(packet, { src, dst, sport, dport });
    const flow = only === null ? null : told(only);
    return flow === null ? [] : [flow];
  }
  const number = protocolNumber[protocol];
  let found: ExistingFlow[] = [];
  await visitEveryFlow((flow) => {
    if (flow.protocol !== number || directionIn(packet, flow) === null) return;
    const one = told(flow.copy());
    if (one !== null) found.push(one);
    if (found.length > 2 * MOST) found = foremost(found);
  });
  return foremost(found);
}

function theOne({ destination, protocol }: Packet, tuple: FlowTuple) {
  const conntrack = new ConntrackConnection();
  try {
    return conntrack.find(familyOf(destination), protocolNumber[protocol], tuple);
  } finally {
    conntrack.close();
  }
}

function foremost(flows: readonly ExistingFlow[]): ExistingFlow[] {
  const order = (a: ExistingFlow, b: ExistingFlow) =>
    Number(a.asPlanned) - Number(b.asPlanned) || (b.timeoutSeconds ?? 0) - (a.timeoutSeconds ?? 0);
  return [...flows].sort(order).slice(0, MOST);
}
