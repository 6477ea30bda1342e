import type { PortSpan } from '../net/port.ts';
import { hasPorts } from '../net/protocol.ts';
import type { Host } from './host.ts';
import { applyMark, type PassingPacket } from './packet.ts';
import type { Effect, HookName } from './rule.ts';

/** False: the rule, and then the chain, goes on. */
export function endsRule({ kind }: Effect): boolean {
  return kind !== 'mark' && kind !== 'connection-mark' && kind !== 'notrack' && kind !== 'fill';
}

/** The packet behind the rule. An unknown address of the node is null; the caller ends what has no address at all. */
export function applyEffect(
  packet: PassingPacket,
  effect: Effect,
  hook: HookName,
  host: Host,
): PassingPacket {
  switch (effect.kind) {
    case 'notrack':
      return packet.tracking === 'before' ? { ...packet, tracking: 'untracked' } : packet;
    case 'mark':
      return { ...packet, mark: applyMark(packet.mark, effect.clear, effect.toggle) };
    case 'connection-mark':
      return { ...packet, connectionMark: applyMark(packet.connectionMark, effect.clear, effect.toggle) };
    case 'fill':
      return { ...packet, filled: [...new Set([...(packet.filled ?? []), ...effect.sets])].sort() };
    case 'dnat':
      return {
        ...packet,
        destination: effect.address ?? packet.destination,
        port: portIn(effect.ports, packet),
        isDecided: { ...packet.isDecided, destination: true },
      };
    case 'redirect':
      return {
        ...packet,
        destination: host.redirectAddress(packet) ?? packet.destination,
        port: portIn(effect.ports, packet),
        isDecided: { ...packet.isDecided, destination: true },
      };
    case 'snat':
      return sent(packet, effect.address ?? packet.source, effect.ports);
    case 'masquerade':
      // A chain at the hook input cannot masquerade; the kernel refuses such a rule.
      return hook === 'postrouting' ? sent(packet, host.masqueradeAddress(packet), effect.ports) : packet;
    default:
      return packet;
  }
}

/** The port is kept if nobody else has it, so it is not known for certain. */
export function sent(
  packet: PassingPacket,
  source: PassingPacket['source'],
  ports: PortSpan | 'any' | null,
): PassingPacket {
  const isOne = hasPorts(packet.protocol) && ports !== null && ports !== 'any' && ports.first === ports.last;
  const sourcePort = isOne
    ? ports.first
    : source === packet.source && ports === null
      ? packet.sourcePort
      : null;
  return { ...packet, source, sourcePort, isDecided: { ...packet.isDecided, source: true } };
}

/** A port in the span is kept (nf_nat_core.c, in_range). */
function portIn(ports: PortSpan | 'any' | null, { port, protocol }: PassingPacket): number | null {
  if (ports === null || !hasPorts(protocol)) return port;
  if (ports === 'any') return null;
  if (ports.first === ports.last) return ports.first;
  return port !== null && port >= ports.first && port <= ports.last ? port : null;
}
