import { fateOf, reasonOf } from '../explain/answer.ts';
import { isEchoRequest } from '../explain/icmp-types.ts';
import type { Journey } from '../explain/others/journey.ts';
import { isOwnAddress, type WalkedNode } from '../explain/own.ts';
import type { Packet } from '../explain/packet.ts';
import { type Path, type Walk, walk } from '../explain/walk.ts';
import type { TraceExplained } from '../forms/trace.ts';
import { NO_PORT, parsePort } from '../net/port.ts';
import { protocolFromNumber } from '../net/protocol.ts';
import { endpointText } from '../plan/canonical.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import { differenceFromWay, wayText } from './beside-way.ts';
import type { Happened } from './happened.ts';
import { endText, type Header } from './header.ts';

/** What explain says of the packet with these headers; null for protocols that it does not know. */
export function walkOf(
  plan: NatPlan,
  node: WalkedNode,
  { family, source, destination, protocol: number, sourcePort, port, icmp }: Header,
  inputInterface: string | null,
): Walk | null {
  if (icmp !== null) {
    // Answers and errors begin no connection: explain asks conntrack about them.
    if (!isEchoRequest(icmp.type, family)) return null;
    const protocol = family === 'IPv4' ? ('ICMP' as const) : ('ICMPv6' as const);
    const echo = { source, destination, protocol, port: NO_PORT, icmp: { kind: 'echo-request' } } as const;
    return walk(plan, node, inputInterface === null ? echo : { ...echo, inputInterface });
  }
  const protocol = protocolFromNumber(number);
  const to = port === null ? null : parsePort(port);
  if (protocol === null || to === null) return null;
  const from = sourcePort === null ? null : parsePort(sourcePort);
  const packet: Packet = {
    ...{ source, destination, protocol, port: to },
    ...(from === null ? {} : { sourcePort: from }),
    ...(inputInterface === null ? {} : { inputInterface }),
  };
  return walk(plan, node, packet);
}

/** @param journey null: the rules of other programs were not examined */
export function explainedBy(walk: Walk, journey: Journey | null): TraceExplained {
  const way = journey === null ? null : wayText(journey);
  return { ...fateOf(walk), because: reasonOf(walk), way };
}

/** How the first packet of a connection differs from what explain says of it; null: it does not. */
export function differenceFrom(
  said: Walk,
  journey: Journey | null,
  happened: Happened,
  node: WalkedNode,
): string | null {
  if (journey === null) return differenceFromWalk(said, happened, node);
  const reachable = new Set(said.paths.map(({ endpoint }) => endpointText(endpoint)));
  return differenceFromWay(journey, reachable, happened, node);
}

/** The same, from the plan alone. */
function differenceFromWalk(said: Walk, happened: Happened, node: WalkedNode): string | null {
  const { verdict } = said;
  const { kind, text, before, after } = happened;
  const isDropped = kind === 'dropped' || kind === 'rejected';
  if (verdict === 'drop' || verdict === 'reject') {
    const expected = verdict === 'drop' ? 'dropped' : 'rejected';
    return kind === expected ? null : `explain says ${expected}; the packet was ${text}`;
  }
  if (isDropped || kind === 'gone') return `explain says ${fateText(said)}; the packet was ${text}`;
  if (kind === 'handed over') return null;
  const reached = endText(after.destination, after.port);
  const path = said.paths.find(
    ({ endpoint }) => endText(endpoint.address, endpoint.port || null) === reached,
  );
  if (path === undefined) return `explain says ${fateText(said)}; the packet went to ${reached}`;
  if (kind === 'delivered') return null; // postrouting does not see it
  return sourceDifference(path, before, after, node);
}

function sourceDifference({ snat }: Path, before: Header, after: Header, node: WalkedNode): string | null {
  const left = `the packet left with ${after.source}`;
  if (snat === null)
    return after.source === before.source ? null : `explain says that the source stays; ${left}`;
  if (snat !== 'node') return after.source === snat ? null : `explain says source ${snat}; ${left}`;
  return isOwnAddress(node, after.source) ? null : `explain says an address of this node as source; ${left}`;
}

function fateText({ verdict, paths }: Walk): string {
  if (verdict === 'none' || verdict === 'snat') return 'that the destination stays';
  const endpoints = paths.map(({ endpoint }) => endpointText(endpoint));
  const more = endpoints.length > 3 ? ` or ${endpoints.length - 3} more` : '';
  return `that it goes to ${endpoints.slice(0, 3).join(' or ')}${more}`;
}
