import { formatRef } from '../../model/object.ts';
import { NO_PORT, parsePort } from '../../net/port.ts';
import { hasPorts } from '../../net/protocol.ts';
import { hasNewDestination, stateOf } from '../../netfilter/connection.ts';
import type { Course, Division, Ended } from '../../netfilter/course.ts';
import { sent } from '../../netfilter/effects.ts';
import type { OwnChain } from '../../netfilter/hooks.ts';
import type { Host } from '../../netfilter/host.ts';
import type { PassingPacket } from '../../netfilter/packet.ts';
import { endpointText } from '../../plan/canonical.ts';
import type { FamilyScope } from '../../plan/entry.ts';
import type { NatPlan, TranslatingPlan } from '../../plan/nat-plan.ts';
import { type DestinationOutcome, walkDestination } from '../destination.ts';
import { isFromPod, type WalkedNode } from '../own.ts';
import type { Packet } from '../packet.ts';
import { stepReason } from '../reason.ts';
import { walkSource } from '../source.ts';
import type { Step } from '../step.ts';

/** A rule of knat that did something with the packet on its way. */
export interface OwnDeed {
  readonly hook: string;
  readonly rule: Step['rule'];
  readonly object: string | null;
  readonly reason: string;
}

/** What knat did on a course. */
export interface OwnCourse {
  /** The endpoint that was chosen, `10.244.1.5:8080`; null: none. */
  readonly endpoint: string | null;
  readonly deeds: readonly OwnDeed[];
}

export const NOTHING_OWN: OwnCourse = { endpoint: null, deeds: [] };

/** Endpoints of one frontend whose ways are examined; with more, these stand for all. */
export const MOST_ENDPOINTS = 16;

/** What the plan decides, and where. */
export interface OwnRules {
  readonly plan: TranslatingPlan & Pick<NatPlan, 'conflicts' | 'conflictsAt'>;
  readonly scope: FamilyScope;
  readonly node: WalkedNode;
}

const TABLE = 'knat';

/** Our chains as docs/design/packet-path.md has them, each asking the plan about the packet as it is there. */
export function ownChains(rules: OwnRules, host: Host): OwnChain<OwnCourse>[] {
  return (['prerouting', 'output'] as const)
    .flatMap((hook): OwnChain<OwnCourse>[] => [
      {
        hook,
        type: 'filter',
        priority: -105,
        table: TABLE,
        name: `${hook}_sources`,
        walk: (course) => refusedSources(rules, course),
      },
      {
        hook,
        type: 'nat',
        priority: -101,
        table: TABLE,
        name: `${hook}_nat`,
        walk: (course) => toEndpoints(rules, course),
      },
    ])
    .concat({
      hook: 'postrouting',
      type: 'nat',
      priority: 100,
      table: TABLE,
      name: 'postrouting_nat',
      walk: (course) => fromSource(rules, host, course),
    });
}

function on(course: Course<OwnCourse>): Division<OwnCourse> {
  return { on: [course], ended: [] };
}

function withDeeds(
  course: Course<OwnCourse>,
  steps: readonly Step[],
  endpoint = course.own.endpoint,
): Course<OwnCourse> {
  return { ...course, own: { endpoint, deeds: [...course.own.deeds, ...steps.map(deedOf)] } };
}

function deedOf(step: Step): OwnDeed {
  const { hook, rule, object } = step;
  return { hook, rule, object: object === null ? null : formatRef(object), reason: stepReason(step) };
}

/** The plan's decision about the destination; null for a packet that the plan cannot be asked about. */
function destinationOf(rules: OwnRules, packet: PassingPacket): DestinationOutcome | null {
  const asked = askedPacket(packet);
  if (asked === null || stateOf(packet) !== 'new') return null;
  return walkDestination(rules.plan, rules.scope, rules.node, asked);
}

function askedPacket({
  source,
  destination,
  protocol,
  port,
  sourcePort,
  input,
  output,
}: PassingPacket): Packet | null {
  const number = !hasPorts(protocol) ? NO_PORT : port === null ? null : parsePort(port);
  const from = sourcePort === null ? null : parsePort(sourcePort);
  if (source === null || number === null) return null;
  return {
    source,
    destination,
    protocol,
    port: number,
    ...(hasPorts(protocol) ? {} : { icmp: { kind: 'echo-request' } as const }),
    ...(from === null ? {} : { sourcePort: from }),
    ...(input === null || input === undefined ? {} : { inputInterface: input.name }),
    ...(output === null || output === undefined ? {} : { outputInterface: output.name }),
  };
}

function ends(
  course: Course<OwnCourse>,
  steps: readonly Step[],
  verdict: 'drop' | 'reject',
): Division<OwnCourse> {
  const last = steps.at(-1);
  const because = last === undefined ? '' : stepReason(last);
  const ended: Ended<OwnCourse> = { course: withDeeds(course, steps), verdict, by: null, because };
  return { on: [], ended: [ended] };
}

function isRefusedSource({ steps }: DestinationOutcome): boolean {
  const last = steps.at(-1);
  return last?.rule === 'source-ranges' && last.verdict === 'drop';
}

function refusedSources(rules: OwnRules, course: Course<OwnCourse>): Division<OwnCourse> {
  const outcome = destinationOf(rules, course.packet);
  return outcome !== null && isRefusedSource(outcome) ? ends(course, outcome.steps, 'drop') : on(course);
}

function toEndpoints(rules: OwnRules, course: Course<OwnCourse>): Division<OwnCourse> {
  const outcome = destinationOf(rules, course.packet);
  if (outcome === null || isRefusedSource(outcome) || outcome.verdict === 'none') return on(course);
  if (outcome.verdict !== 'dnat') return ends(course, outcome.steps, outcome.verdict);
  const { packet } = course;
  const shown = outcome.endpoints.slice(0, MOST_ENDPOINTS);
  return {
    on: shown.map((endpoint) => {
      const { address: destination, port } = endpoint;
      const decided = { ...packet.isDecided, destination: true };
      return {
        ...withDeeds(course, outcome.steps, endpointText(endpoint)),
        packet: { ...packet, destination, port, isDecided: decided },
      };
    }),
    ended: [],
  };
}

function fromSource(rules: OwnRules, host: Host, course: Course<OwnCourse>): Division<OwnCourse> {
  const { packet } = course;
  const asked = askedPacket(packet);
  if (asked === null) return on(course);
  const { plan, scope, node } = rules;
  const { original } = packet;
  const isTranslated = hasNewDestination(packet);
  const dialled = original.port === null ? null : parsePort(original.port);
  const entry =
    dialled === null || !hasPorts(packet.protocol)
      ? undefined
      : plan.entryAt({ address: original.destination, protocol: packet.protocol, port: dialled });
  const frontend = isTranslated && entry?.kind === 'ServiceFrontend' ? entry : null;
  const isPod = isFromPod(scope, node, asked);
  const outcome = walkSource(plan, scope, node, asked, isPod, isTranslated, frontend);
  const after = withDeeds(course, outcome.steps);
  if (outcome.dropped) return ends(course, outcome.steps, 'drop');
  const { snat, snatPort } = outcome;
  if (snat === null) return on(after);
  const ports = typeof snatPort === 'number' ? { first: snatPort, last: snatPort } : 'any';
  const source = snat === 'node' ? host.masqueradeAddress(packet) : snat;
  return on({ ...after, packet: sent(packet, source, ports) });
}
