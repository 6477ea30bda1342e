import { directionIn, type ExistingFlow } from '../explain/existing.ts';
import type { Icmp, InnerPacket } from '../explain/icmp.ts';
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
  const { source: src, destination: dst, protocol, port: dport, sourcePort: sport, icmp } = packet;
  if (icmp !== undefined && 'inner' in icmp) return errorFlow(icmp.inner);
  if (sport !== undefined) {
    const only = theOne(protocolNumber[protocol], { src, dst, sport, dport });
    const flow = only === null ? null : told(only);
    return flow === null ? [] : [flow];
  }
  const number = protocolNumber[protocol];
  let found: ExistingFlow[] = [];
  await visitEveryFlow((flow) => {
    if (flow.protocol !== number || directionIn(packet, flow) === null) return;
    const one = told(flow.copy());
    if (one !== null && fitsIcmp(icmp, one)) found.push(one);
    if (found.length > 2 * MOST) found = foremost(found);
  });
  return foremost(found);
}

/** An echo request belongs to the flow that it began, an echo reply to the other direction. */
function fitsIcmp(icmp: Icmp | undefined, { direction }: ExistingFlow): boolean {
  return icmp === undefined || direction === (icmp.kind === 'echo-request' ? 'original' : 'reply');
}

/**
 * The connection of the packet that an ICMP error is about. An answer to that packet would have its ends exchanged: so the
 * kernel finds it (net/netfilter/nf_conntrack_proto_icmp.c, nf_conntrack_inet_error).
 */
function errorFlow({ source, sourcePort, destination, port, protocol }: InnerPacket): ExistingFlow[] {
  const turned = { src: destination, sport: port, dst: source, dport: sourcePort };
  const flow = theOne(protocolNumber[protocol], turned);
  if (flow === null) return [];
  const { original, reply, timeoutSeconds } = flow;
  const isOriginal = original.src === turned.src && original.sport === port && original.dst === source;
  const direction = isOriginal && original.dport === sourcePort ? 'original' : 'reply';
  return [{ original, reply, timeoutSeconds, direction, asPlanned: false }];
}

function theOne(protocol: number, tuple: FlowTuple) {
  const conntrack = new ConntrackConnection();
  try {
    return conntrack.find(familyOf(tuple.dst), protocol, tuple);
  } finally {
    conntrack.close();
  }
}

function foremost(flows: readonly ExistingFlow[]): ExistingFlow[] {
  const order = (a: ExistingFlow, b: ExistingFlow) =>
    Number(a.asPlanned) - Number(b.asPlanned) || (b.timeoutSeconds ?? 0) - (a.timeoutSeconds ?? 0);
  return [...flows].sort(order).slice(0, MOST);
}
