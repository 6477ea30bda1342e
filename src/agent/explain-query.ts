import { sharedTurn } from '../base/shared-turn.ts';
import { answerFlow } from '../explain/answer.ts';
import { type ExistingFlow, isAsPlanned } from '../explain/existing.ts';
import { hintsOf } from '../explain/hints.ts';
import { isAnswer } from '../explain/icmp.ts';
import { errorWalk, unknownAnswer } from '../explain/icmp-walk.ts';
import type { Follower } from '../explain/others/follower.ts';
import type { Journey } from '../explain/others/journey.ts';
import { type Packet, parseFlow } from '../explain/packet.ts';
import { packetOfQuestion } from '../explain/question.ts';
import { type ReplyNames, replyWalk } from '../explain/reply-walk.ts';
import { type Walk, walk } from '../explain/walk.ts';
import { Names } from '../flows/names.ts';
import type { PacketQuestion } from '../forms/questions.ts';
import type { FlowAnswer } from '../forms/walk.ts';
import { formatRef } from '../model/object.ts';
import type { Port } from '../net/port.ts';
import { hasPorts, type PacketProtocol } from '../net/protocol.ts';
import { InvalidQuery, validQuery } from '../observe/invalid-query.ts';
import type { Planner } from '../plan/planner.ts';
import type { LookForFlows } from './existing-flows.ts';

/** Includes the objects that almost match. Throws InvalidQuery. */
export function explainQuery(planner: Planner, question: PacketQuestion): Walk {
  const packet = validQuery(packetOfQuestion(question, planner));
  const node = planner.heldNode;
  if (isAnswer(packet.icmp)) return unknownAnswer(node, packet, false);
  const walked = walk(planner.plan, node, packet);
  return { ...walked, hints: hintsOf(planner, walked) };
}

/** A walk, and what the kernel knows about its packet. */
export interface SeenWalk {
  readonly walk: Walk;
  /** The connections to which the packet belongs; null: conntrack was not read. */
  readonly existing: readonly ExistingFlow[] | null;
  /** The packet's way through the kernel; null: it was not examined. */
  readonly journey: Journey | null;
}

/**
 * The walk beside the connections of this host. A packet with a source port that conntrack knows as a reply
 * gets the walk of a reply.
 *
 * @param look null: conntrack is not read
 * @param follow the way through the kernel; null: not known, as if left out
 */
export async function explainSeen(
  planner: Planner,
  walk: Walk,
  look: LookForFlows | null,
  follow: (asked: Follower) => Promise<Journey | null> = async () => null,
): Promise<SeenWalk> {
  const { packet } = walk;
  const existing =
    look === null ? null : await look(packet, (flow) => isAsPlanned(walk, planner.heldNode, flow));
  const [only] = existing ?? [];
  if (isAnswer(packet.icmp)) {
    if (existing === null) return { walk, existing, journey: null };
    const journey = await follow({ packet, flow: only ?? 'none' });
    return { walk: answered(planner, packet, only), existing, journey };
  }
  if (packet.sourcePort !== undefined && only?.direction === 'reply') {
    const reply = replyWalk(planner.heldNode, packet, only, replyNames(planner, packet.protocol, only));
    return { walk: reply, existing, journey: await follow({ packet, flow: only }) };
  }
  return { walk, existing, journey: await follow({ packet, flow: 'new' }) };
}

/** An ICMP error or echo reply. @param flow undefined: conntrack has none */
function answered(planner: Planner, packet: Packet, flow: ExistingFlow | undefined): Walk {
  const node = planner.heldNode;
  const { icmp } = packet;
  if (flow === undefined || icmp === undefined) return unknownAnswer(node, packet, true);
  if (!('inner' in icmp)) return replyWalk(node, packet, flow, replyNames(planner, packet.protocol, flow));
  return errorWalk(node, packet, icmp, flow, replyNames(planner, icmp.inner.protocol, flow));
}

function replyNames(planner: Planner, protocol: PacketProtocol, { original }: ExistingFlow): ReplyNames {
  const { plan } = planner;
  const names = new Names(planner);
  const dialled = hasPorts(protocol)
    ? plan.entryAt({ address: original.dst, protocol, port: original.dport as Port })
    : undefined;
  const object = dialled?.kind === 'ServiceFrontend' || dialled?.kind === 'PodBinding' ? dialled.owner : null;
  const to = object?.kind === 'Service' ? formatRef(object) : names.of(original.dst);
  return { from: names.of(original.src), to, object };
}

const ERRORS_SHOWN = 10;
/** They take about a millisecond. */
const ANSWERED_TOGETHER = 64;

/** Throws InvalidQuery with index and field of each invalid flow. */
export function validFlows(flows: unknown): readonly Packet[] {
  if (!Array.isArray(flows)) throw new InvalidQuery('the flows are no list: write [{"sourceIP": …}, …]');
  const valid: Packet[] = [];
  const errors: string[] = [];
  for (const [index, value] of flows.entries()) {
    const flow = parseFlow(value);
    if (typeof flow === 'string') errors.push(`flows[${index}]: ${flow}`);
    else valid.push(flow);
  }
  if (errors.length > 0) {
    const rest = errors.length - ERRORS_SHOWN;
    throw new InvalidQuery(`${errors.length} of ${flows.length} flows cannot be read`, [
      ...errors.slice(0, ERRORS_SHOWN),
      ...(rest > 0 ? [`and ${rest} more`] : []),
    ]);
  }
  return valid;
}

/** Answers in the order of the flows. Throws InvalidQuery as `validFlows`. */
export function answerFlows(planner: Planner, flows: unknown): FlowAnswer[] {
  return validFlows(flows).map((flow) => answerFlow(planner.plan, planner.heldNode, flow));
}

/** The same as JSON in pieces; NAT goes on between them. */
export async function* answerPieces(planner: Planner, flows: readonly Packet[]): AsyncGenerator<string> {
  let separator = '[';
  for (let begin = 0; begin < flows.length; begin += ANSWERED_TOGETHER) {
    await sharedTurn();
    const answers = flows
      .slice(begin, begin + ANSWERED_TOGETHER)
      .map((flow) => JSON.stringify(answerFlow(planner.plan, planner.heldNode, flow)));
    yield `${separator}${answers.join()}`;
    separator = ',';
  }
  yield flows.length === 0 ? '[]' : ']';
}
