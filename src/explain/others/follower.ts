import type { Connection, Tuple } from '../../netfilter/packet.ts';
import type { ExistingFlow, FlowEnds } from '../existing.ts';
import type { Packet } from '../packet.ts';

/** A packet, and the connection of conntrack to which it belongs; `none`: it belongs to none and begins none; `new`: it begins one. */
export interface Follower {
  readonly packet: Packet;
  readonly flow: ExistingFlow | 'none' | 'new';
}

/** How the packet belongs to its flow, in the terms of the kernel; undefined: it begins a connection. */
export function connectionFor(
  { protocol, icmp }: Packet,
  flow: Follower['flow'],
): Connection | 'none' | undefined {
  if (flow === 'new') return undefined;
  if (flow === 'none') return 'none';
  const isError = icmp !== undefined && 'inner' in icmp;
  return {
    state: isError ? 'related' : 'established',
    direction: flow.direction,
    protocol: isError ? icmp.inner.protocol : protocol,
    original: tupleOf(flow.original),
    reply: tupleOf(flow.reply),
  };
}

/** Entries of ICMP have no ports. */
function tupleOf({ src, sport, dst, dport }: FlowEnds): Tuple {
  return { source: src, sourcePort: sport || null, destination: dst, port: dport || null };
}
