import type { Connection, PassingPacket } from './packet.ts';
import type { HookName } from './rule.ts';

/** `ct state` of the packet at this place. */
export function stateOf({
  tracking,
  connection,
}: PassingPacket): 'invalid' | 'untracked' | 'new' | Connection['state'] {
  if (tracking === 'untracked') return 'untracked';
  if (tracking !== 'tracked') return 'invalid';
  return connection === undefined || connection === 'none' ? 'new' : connection.state;
}

/** The connection of a packet of which connection tracking has one: that of a first packet as far as it is translated by now. */
export function connectionOf(
  packet: PassingPacket,
): Connection | (Omit<Connection, 'state'> & { state: 'new' }) {
  const { connection, protocol, original, source, sourcePort, destination, port } = packet;
  if (connection !== undefined && connection !== 'none') return connection;
  const reply = { source: destination, sourcePort: port, destination: source, port: sourcePort };
  return { state: 'new', direction: 'original', protocol, original, reply };
}

/** The connection has another destination than its first packet had: `ct status dnat`. */
export function hasNewDestination(packet: PassingPacket): boolean {
  const { original, reply } = connectionOf(packet);
  return original.destination !== reply.source || original.port !== reply.sourcePort;
}

/** The connection has another source than its first packet had: `ct status snat`. */
export function hasNewSource(packet: PassingPacket): boolean {
  const { original, reply } = connectionOf(packet);
  return original.source !== reply.destination || (original.sourcePort !== reply.port && reply.port !== null);
}

/** What is decided once for a connection at this hook. */
export function endOf(hook: HookName): 'destination' | 'source' {
  return hook === 'prerouting' || hook === 'output' ? 'destination' : 'source';
}

/**
 * A packet of a known connection behind the place of NAT of this hook: no rule of NAT is asked, conntrack translates it as the connection is
 * (nf_nat_packet of nf_nat_core.c, nf_nat_icmp_reply_translation of nf_nat_proto.c). Of an ICMP error only the addresses change.
 */
export function translatedByConnection(
  packet: PassingPacket,
  { direction, original, reply, state }: Connection,
  hook: HookName,
): PassingPacket {
  const other = direction === 'original' ? reply : original;
  const own = direction === 'original' ? original : reply;
  const isError = state === 'related';
  if (endOf(hook) === 'destination') {
    if (own.destination === other.source && own.port === other.sourcePort) return packet;
    const destination = other.source ?? packet.destination;
    return { ...packet, destination, port: isError ? packet.port : other.sourcePort };
  }
  if (own.source === other.destination && own.sourcePort === other.port) return packet;
  return { ...packet, source: other.destination, sourcePort: isError ? packet.sourcePort : other.port };
}
