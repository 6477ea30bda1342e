import type { Journey, JourneyEnd } from '../explain/others/journey.ts';
import { afterText, ownerText, wayJson } from '../explain/others/way.ts';
import { isOwnAddress, type WalkedNode } from '../explain/own.ts';
import type { Happened } from './happened.ts';
import { endText } from './header.ts';

/** Ways that are told; the others are counted. */
const WAYS_SHOWN = 3;

/** What explain says with the rules of other programs and routing: `10.0.0.1 → 10.244.1.7:80, by eth0`. */
export function wayText(journey: Journey): string {
  const texts = wayJson(journey).ends.map(({ fate, because, by, output, after }) => {
    const who = by === null ? because : `${ownerText(by)}: ${by.text}`;
    if (fate === 'dropped' || fate === 'rejected') return `${fate} by ${who}`;
    if (fate === 'unknown') return `not known: ${who}`;
    return `${afterText(after)}${fate === 'delivered' ? ', to this node' : output === null ? '' : `, by ${output}`}`;
  });
  const distinct = [...new Set(texts)];
  const more = distinct.length > WAYS_SHOWN ? ` or ${distinct.length - WAYS_SHOWN} more` : '';
  return `${distinct.slice(0, WAYS_SHOWN).join(' or ')}${more}`;
}

/**
 * How the first packet of a connection differs from its way as explain says it; null: it does not, or explain itself says
 * that something cannot be decided beforehand.
 * @param reachable all endpoints; of many, the way of some stands for all
 */
export function differenceFromWay(
  journey: Journey,
  reachable: ReadonlySet<string>,
  happened: Happened,
  node: WalkedNode,
): string | null {
  const isOpen = journey.limits.length > 0 || journey.ends.some(({ fate }) => fate.kind === 'unknown');
  if (isOpen || happened.kind === 'handed over') return null;
  if (journey.ends.some((end) => fits(end, reachable, happened, node))) return null;
  const { kind, text, after } = happened;
  const isGone = kind !== 'left' && kind !== 'delivered';
  const did = isGone
    ? `was ${text}`
    : `is ${endText(after.source, after.sourcePort)} → ${endText(after.destination, after.port)}, ${text}`;
  return `explain says ${wayText(journey)}; the packet ${did}`;
}

function fits(
  { course: { packet, own }, fate }: JourneyEnd,
  reachable: ReadonlySet<string>,
  { kind, after, out }: Happened,
  node: WalkedNode,
): boolean {
  if (fate.kind === 'dropped') return kind === 'dropped' || (kind === 'gone' && fate.by === null);
  if (fate.kind === 'rejected') return kind === 'rejected' || (kind === 'gone' && fate.by === null);
  const isSent =
    fate.kind === 'sent' ? kind === 'left' : kind === 'delivered' || (kind === 'left' && out === 'lo');
  if (!isSent) return false;
  const isOwn = isOwnAddress(node, after.source);
  if (packet.destination !== after.destination || (packet.port || null) !== after.port) {
    // Of many endpoints, the ways of some stand for all: another may have another interface, and its address.
    const isLikeThis = own.endpoint === endText(packet.destination, packet.port);
    const isReached = isLikeThis && reachable.has(endText(after.destination, after.port));
    return isReached && (isOwn || packet.source === after.source);
  }
  if (fate.kind === 'delivered') return true; // postrouting does not see it
  if (fate.kind === 'sent' && fate.output !== null && out !== null && fate.output.name !== out) return false;
  return packet.source === null ? isOwn : packet.source === after.source;
}
