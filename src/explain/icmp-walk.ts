import type { IpAddress } from '../net/address.ts';
import { NO_PORT, type Port } from '../net/port.ts';
import { connectionText, placeText } from './ends-text.ts';
import type { ExistingFlow } from './existing.ts';
import type { Icmp, InnerPacket } from './icmp.ts';
import { knownWalk } from './known-walk.ts';
import { isOwnAddress, type WalkedNode } from './own.ts';
import type { Packet } from './packet.ts';
import type { ReplyNames } from './reply-walk.ts';
import type { DestinationStep } from './step.ts';
import type { Path, Walk } from './walk.ts';

/** Where conntrack sends an ICMP error of a connection, and what it makes of it. */
interface Sent {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly inner: InnerPacket;
}

/**
 * The walk of an ICMP error or echo reply of which no connection is known: it passes unchanged, since rules of NAT are
 * asked about the first packet of a connection only.
 *
 * @param wasAsked conntrack was read, and has none
 */
export function unknownAnswer(node: WalkedNode, packet: Packet, wasAsked: boolean): Walk {
  const { source, destination } = packet;
  const nothing = { connection: null, inner: null, object: null };
  const walk = answerWalk(
    node,
    packet,
    { source, destination },
    { ...nothing, state: wasAsked ? 'none' : 'unseen' },
  );
  return wasAsked ? walk : { ...walk, unknown: ['existing-connections', ...walk.unknown] };
}

/**
 * The walk of an ICMP error about a packet of the flow: conntrack translates it, and the packet inside, back
 * (net/netfilter/nf_nat_proto.c, nf_nat_icmp_reply_translation).
 *
 * @param flow its `direction` is that of the error: `reply` for one that goes to who began the flow
 */
export function errorWalk(
  node: WalkedNode,
  packet: Packet,
  { inner }: Extract<Icmp, { readonly inner: InnerPacket }>,
  flow: ExistingFlow,
  names: ReplyNames,
): Walk {
  const sent = sentBack(packet, inner, flow);
  const told = sent.inner;
  return answerWalk(node, packet, sent, {
    connection: connectionText(inner.protocol, flow.original, names),
    object: names.object,
    state: 'found',
    inner: `${told.protocol} ${placeText(told.source, told.sourcePort)} → ${placeText(told.destination, told.port)}`,
  });
}

/**
 * The outer source changes only if the connection has another destination (or, in the other direction, source) than its
 * packets had: then the error seems to come from there.
 */
function sentBack(
  { source }: Packet,
  { protocol }: InnerPacket,
  { original, reply, direction }: ExistingFlow,
): Sent {
  if (direction === 'reply') {
    const { src, sport, dst, dport } = original;
    const isTurned = dst !== reply.src || dport !== reply.sport;
    const inner = { protocol, source: src, sourcePort: sport as Port, destination: dst, port: dport as Port };
    return { source: isTurned ? dst : source, destination: src, inner };
  }
  const { src, sport, dst, dport } = reply;
  const isTurned = dst !== original.src || dport !== original.sport;
  const inner = { protocol, source: src, sourcePort: sport as Port, destination: dst, port: dport as Port };
  return { source: isTurned ? dst : source, destination: src, inner };
}

function answerWalk(
  node: WalkedNode,
  packet: Packet,
  to: Pick<Sent, 'source' | 'destination'>,
  told: Pick<Extract<DestinationStep, { rule: 'icmp-answer' }>, 'connection' | 'inner' | 'object' | 'state'>,
): Walk {
  const { source, destination, protocol, port } = packet;
  const before = { source, destination, protocol, port };
  const after = { ...before, source: to.source, destination: to.destination };
  const isTurned = to.destination !== destination;
  const isNewSource = to.source !== source;
  const step: DestinationStep = {
    rule: 'icmp-answer',
    verdict: isTurned ? 'dnat' : 'continue',
    hook: isOwnAddress(node, source) ? 'output' : 'prerouting',
    before,
    after: [after],
    ...told,
  };
  const endpoint = { address: to.destination, port: NO_PORT };
  const path: Path = {
    endpoint,
    steps: [],
    snat: isNewSource ? to.source : null,
    snatPort: null,
    dropped: false,
    after,
    reply: {
      sent: { from: endpoint, to: to.source },
      seen: { from: { address: destination, port: NO_PORT }, to: source },
      returns: 'not-needed',
    },
  };
  return knownWalk(node, packet, { isTurned, isNewSource, step, path });
}
