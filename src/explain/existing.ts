import type { ExistingFlowJson } from '../forms/walk.ts';
import type { IpAddress } from '../net/address.ts';
import { durationText } from './duration.ts';
import { placeText } from './ends-text.ts';
import { isOwnAddress, type WalkedNode } from './own.ts';
import type { Packet } from './packet.ts';
import type { Walk } from './walk.ts';

/** One direction of a connection in conntrack. */
export interface FlowEnds {
  readonly src: IpAddress;
  readonly sport: number;
  readonly dst: IpAddress;
  readonly dport: number;
}

/** A connection in conntrack to which the packet belongs, if it comes from that port. It keeps its translation. */
export interface ExistingFlow {
  /** As in its first packet. */
  readonly original: FlowEnds;
  /** As in a reply: from the real destination to the translated source. */
  readonly reply: FlowEnds;
  /** Until conntrack forgets it, unless packets arrive. Null: unknown. */
  readonly timeoutSeconds: number | null;
  /** Whether the packet goes the way of the first packet, or is a reply. */
  readonly direction: 'original' | 'reply';
  /** A new connection would be translated alike. A reply is never as planned: plans are about first packets. */
  readonly asPlanned: boolean;
}

/** The direction in which the packet belongs to the flow; null: it does not. A missing source port fits every one. */
export function directionIn(
  { source: src, destination: dst, port: dport, sourcePort }: Packet,
  { original, reply }: Pick<ExistingFlow, 'original' | 'reply'>,
): ExistingFlow['direction'] | null {
  const fits = (ends: FlowEnds) =>
    ends.dport === dport &&
    (sourcePort === undefined || ends.sport === sourcePort) &&
    ends.src === src &&
    ends.dst === dst;
  return fits(original) ? 'original' : fits(reply) ? 'reply' : null;
}

/** True if one of the walk's paths leads to the endpoint of the flow, with its source. */
export function isAsPlanned(
  { verdict, paths, packet }: Pick<Walk, 'verdict' | 'paths' | 'packet'>,
  node: WalkedNode,
  { reply }: Pick<ExistingFlow, 'reply'>,
): boolean {
  if (verdict === 'drop' || verdict === 'reject') return false;
  return paths.some(({ endpoint, snat, snatPort, dropped }) => {
    if (dropped || endpoint.address !== reply.src || endpoint.port !== reply.sport) return false;
    if (typeof snatPort === 'number' && snatPort !== reply.dport) return false;
    // A packet from elsewhere that ends here passes no postrouting (`local-endpoint` of walk.ts).
    const endsHere = isOwnAddress(node, endpoint.address) && !isOwnAddress(node, packet.source);
    if (endsHere && reply.dst === packet.source) return true;
    if (snat === 'node') return isOwnAddress(node, reply.dst);
    return reply.dst === (snat ?? packet.source);
  });
}

export function existingFlowJson(flow: ExistingFlow): ExistingFlowJson {
  const { original, reply, timeoutSeconds, direction, asPlanned } = flow;
  return { original: endsText(original), reply: endsText(reply), timeoutSeconds, direction, asPlanned };
}

/** One sentence without a full stop: what becomes of the packet if it belongs to the flow. */
export function existingFlowText({ protocol }: Pick<Packet, 'protocol'>, flow: ExistingFlow): string {
  const { original, reply, timeoutSeconds, direction } = flow;
  const { source, destination } = endsText(original);
  const kept = endsText(reply);
  const until = untilText(timeoutSeconds);
  const name = `${protocol} ${source} → ${destination}`;
  if (direction === 'reply') return `a reply of ${name} goes to ${source} as ${destination} ${until}`;
  const goes = kept.source === destination ? '' : ` to ${kept.source}`;
  const leaves = kept.destination === source ? '' : ` as ${kept.destination}`;
  const translation = goes === '' && leaves === '' ? 'is not translated' : `keeps going${goes}${leaves}`;
  return `${name} ${translation} ${until}`;
}

/** `until it ends or is idle for 4 days 23 hours` */
export function untilText(timeoutSeconds: number | null): string {
  return timeoutSeconds === null
    ? 'until it ends'
    : `until it ends or is idle for ${durationText(timeoutSeconds)}`;
}

function endsText({ src, sport, dst, dport }: FlowEnds) {
  return { source: placeText(src, sport), destination: placeText(dst, dport) };
}
