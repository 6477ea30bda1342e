import type { ObjectRef } from '../model/object.ts';
import type { Port } from '../net/port.ts';
import { hasPorts } from '../net/protocol.ts';
import { connectionText } from './ends-text.ts';
import { type ExistingFlow, untilText } from './existing.ts';
import { knownWalk } from './known-walk.ts';
import { isOwnAddress, type WalkedNode } from './own.ts';
import type { Packet } from './packet.ts';
import type { DestinationStep } from './step.ts';
import type { Path, Walk } from './walk.ts';

/** Who is behind an end of a connection: `Pod shop/web-0`, `Service shop/web`; null: no known object. */
export interface ReplyNames {
  readonly from: string | null;
  readonly to: string | null;
  /** The Service or Pod that translates the connection; null: none does. */
  readonly object: ObjectRef | null;
}

/**
 * The walk of a packet that conntrack knows as a reply: it meets no rule of NAT, and gets the connection's addresses
 * translated back.
 */
export function replyWalk(node: WalkedNode, packet: Packet, flow: ExistingFlow, names: ReplyNames): Walk {
  const { source, destination, protocol, port } = packet;
  const { original } = flow;
  const before = { source, destination, protocol, port };
  const after = { source: original.dst, destination: original.src, protocol, port: original.sport as Port };
  const isTurned = after.destination !== destination || after.port !== port;
  const sourcePort = packet.sourcePort ?? flow.reply.sport;
  const isNewSource = original.dst !== source || original.dport !== sourcePort;
  const step: DestinationStep = {
    rule: 'reply',
    verdict: isTurned ? 'dnat' : 'continue',
    hook: isOwnAddress(node, source) ? 'output' : 'prerouting',
    object: names.object,
    before,
    after: [after],
    connection: connectionText(protocol, original, names),
    until: untilText(flow.timeoutSeconds),
  };
  const endpoint = { address: after.destination, port: after.port };
  const path: Path = {
    endpoint,
    steps: [],
    snat: isNewSource ? original.dst : null,
    snatPort: isNewSource && hasPorts(protocol) ? (original.dport as Port) : null,
    dropped: false,
    after,
    reply: {
      sent: { from: endpoint, to: original.dst },
      seen: { from: { address: destination, port }, to: source },
      returns: isTurned || isNewSource ? 'routing' : 'not-needed',
    },
  };
  return knownWalk(node, packet, { isTurned, isNewSource, step, path });
}
